// Stores a list that is nested ten thousand levels deep.
// Allowed: JSON holds it, and neither side goes down in it.
// expect: 200 answer true
export default () => {
  let deep = []
  for (let level = 0; level < 10_000; level++) deep = [deep]
  return storage.set('deep', deep)
}
