// Gives options whose prototype is a Proxy that would like to see what becomes of them.
// Copied field by field: its traps see nothing of the engine, and its answer counts for nothing.
// expect: 200 answer {"stored":true,"names":[]}
export default async () => {
  const names = []
  const spy = new Proxy({}, { set: () => false, get: (_, name) => (names.push(String(name)), undefined) })
  const stored = await storage.set('key', 1, Object.create(spy))
  return { stored, names: names.filter(name => !['toJSON', 'ttl'].includes(name)) }
}
