// Reads from an iterator whose next value never comes.
// Ended by the time limit of a run.
// expect: 504 script_timeout limit=wall
// needs: wallMs=1000
export default async () => {
  const silence = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
  for await (const word of silence) return word
}
