// A promise that waits for a promise that waits for it.
// Ended by the time limit of a run.
// expect: 504 script_timeout limit=wall
// needs: wallMs=1000
export default async () => {
  const first = (async () => {
    await null
    await second
  })()
  const second = (async () => {
    await first
  })()
  await second
}
