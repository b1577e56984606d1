// Leaves work behind that calls the engine once the answer is given.
// Refused: calls that are begun after the answer do not happen.
// expect: 200 answer null
export const prepare = () => {
  void (async () => {
    for (let n = 0; n < 100; n++) await null
    await storage.set('late', true)
  })()
  return 'answered'
}
export default async () => (await storage.get('late')) ?? null
