// Rejects in a later turn than the one that answers for it.
// Belongs to its own run.
// expect: 200 answer "fine"
export default async () => {
  const loose = (async () => {
    await storage.get('key')
    throw { toString: 'not even a text' }
  })()
  await storage.increment('turns')
  await storage.get('key')
  return loose === undefined ? 'never' : 'fine'
}
