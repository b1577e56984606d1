// Stores pages that are small enough, and asks for all of them at once.
// Stopped by the limit: it holds for what the engine answers, too.
// expect: 500 script_limit limit=valueBytes
export default async () => {
  for (let n = 0; n < 3; n++) await storage.set(`page:${n}`, 'x'.repeat(30_000))
  return storage.list('page')
}
