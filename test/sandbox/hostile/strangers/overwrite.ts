// Writes over the counter of another script.
// Each script has a name space of its own: the counter beside it stays right.
// expect: 200 answer [7,true,true]
export default async () => {
  await storage.set('count', 7)
  await storage.set('../good/count', 7)
  return [await storage.get('count'), await storage.delete('count'), await storage.delete('../good/count')]
}
