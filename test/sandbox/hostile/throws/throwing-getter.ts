// Throws an error whose stack throws when it is read.
// Told as a value that cannot be described.
// expect: 500 script_error
// says: cannot be described
export default () => {
  throw Object.defineProperty(new Error('x'), 'stack', {
    get() {
      throw this
    },
  })
}
