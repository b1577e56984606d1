// Throws null.
// Told as text: nothing but text leaves the isolate.
// expect: 500 script_error
// says: null
export default () => {
  throw null
}
