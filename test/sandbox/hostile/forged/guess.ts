// Learns what the engine will answer before it has, and acts on a wrong guess.
// What was said behind a guess counts only once the guess holds.
// expect: 200 answer {"first":"stored","once":1}
export const prepare = () => storage.set('word', 'stored')
export default async () => {
  const word = await storage.get('word')
  if (word === undefined) {
    await storage.increment('once')
    return { first: 'guessed' }
  }
  return { first: word, once: (await storage.increment('once')).value }
}
