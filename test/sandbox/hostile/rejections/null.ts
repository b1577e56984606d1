// Rejects a promise with nothing at all.
// Belongs to its own run: noted in its trace.
// expect: 200 answer "fine"
export default async () => {
  void Promise.reject(null)
  void Promise.reject(undefined)
  void Promise.reject(Symbol('s'))
  await storage.get('key')
  return 'fine'
}
