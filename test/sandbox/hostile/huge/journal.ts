// Reads the same page until the engine has told it a megabyte.
// Stopped by the limit of the journal.
// expect: 500 script_limit limit=journalBytes
export default async () => {
  await storage.set('page', 'x'.repeat(60_000))
  for (let n = 0; n < 40; n++) await storage.get('page')
}
