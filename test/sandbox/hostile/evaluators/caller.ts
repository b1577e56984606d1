// Asks functions who called them.
// Strict code has no callers.
// expect: 200 answer ["undefined","undefined"]
export default function ask() {
  return [() => ask.caller, () => ask.arguments].map(look => {
    try {
      return typeof look()
    } catch (error) {
      return error.name
    }
  })
}
