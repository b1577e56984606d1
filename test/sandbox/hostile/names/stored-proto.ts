// Stores values and keys that are called like what every object has.
// They are keys like others.
// expect: 200 answer [{"key":"__proto__","value":1},{"key":"constructor","value":2},{"key":"toString","value":3}]
export default async () => {
  await storage.set('__proto__', 1)
  await storage.set('constructor', 2)
  await storage.set('toString', 3)
  return (await storage.list('')).toSorted((a, b) => (a.key < b.key ? -1 : 1))
}
