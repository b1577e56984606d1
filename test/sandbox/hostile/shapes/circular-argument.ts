// Stores an object that holds itself.
// A call that failed before the engine heard of it.
// expect: 500 script_error
// says: circular
export default () => {
  const circle = {}
  circle.inside = circle
  return storage.set('key', circle)
}
