// Foretells the codes of other runs from its own chance.
// Each run has a seed of its own, and codes a stream of their own.
// expect: 200 answer [6,true]
export default async () => {
  const code = generateCode()
  const before = await storage.get('before')
  await storage.set('before', code)
  return [code.length, code !== before && code !== String(Math.random()).slice(2, 8)]
}
