// Refuses with facts that are nested ten thousand levels deep.
// Allowed: the answer holds them, and its trace can still be read.
// expect: 400 deep
export default () => {
  let deep = []
  for (let level = 0; level < 10_000; level++) deep = [deep]
  throw refuse('deep', { deep })
}
