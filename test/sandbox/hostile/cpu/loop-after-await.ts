// Behaves in its first turn and loops in the one after it.
// Stopped by the time limit, which holds for every turn.
// expect: 504 script_timeout limit=cpu
export default async () => {
  await storage.get('key')
  await storage.increment('turns')
  for (;;);
}
