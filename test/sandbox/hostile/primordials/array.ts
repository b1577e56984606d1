// Gives every array a setter for its first place, to see the calls that are collected.
// Frozen.
// expect: 500 script_error
// says: TypeError
export default () => {
  Object.defineProperty(Array.prototype, '0', { set() {}, configurable: true })
}
