// Gives a call options that set the prototype of what crosses.
// Only own fields cross.
// expect: 200 answer {"absent":true,"again":false}
export default async () => {
  const absent = await storage.set('key', 1, JSON.parse('{"__proto__":{"ifAbsent":false},"ifAbsent":true}'))
  const again = await storage.set('key', 2, JSON.parse('{"__proto__":{"ifAbsent":false},"ifAbsent":true}'))
  return { absent, again }
}
