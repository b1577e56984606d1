// Burns most of every turn's time, forty turns long.
// Allowed: each turn keeps its limit; others only share the processor with it.
// expect: 200 answer "tired"
export default async () => {
  for (let turn = 0; turn < 12; turn++) {
    for (let n = 0; n < 1e6; n++);
    await storage.increment('turns')
  }
  return 'tired'
}
