// Replaces what the sandbox keeps its calls in.
// Frozen.
// expect: 500 script_error
// says: TypeError
export default () => {
  Map.prototype.get = () => ({ resolve() {}, handled: true })
}
