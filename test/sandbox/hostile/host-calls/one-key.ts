// Fifty updates of one key at the same time.
// Allowed: they queue, and each is atomic.
// expect: 200 answer 49
export default async () => {
  await Promise.all(Array.from({ length: 49 }, () => storage.update('sum', (sum = 0) => sum + 1)))
  return storage.get('sum')
}
