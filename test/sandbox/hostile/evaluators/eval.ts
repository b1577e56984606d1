// Makes code of a text with eval, directly and indirectly.
// Not there.
// expect: 200 answer ["undefined","ReferenceError"]
export default () => {
  try {
    return (0, eval)('this')
  } catch (error) {
    return [typeof globalThis.eval, error.name]
  }
}
