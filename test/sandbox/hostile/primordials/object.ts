// Gives every object a field.
// Frozen.
// expect: 500 script_error
// says: TypeError
export default () => {
  Object.prototype.status = 200
}
