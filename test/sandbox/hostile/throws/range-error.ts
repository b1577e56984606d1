// Throws the error by which some sandboxes know that memory has run out.
// Judged by what is known, never by an error's words.
// expect: 500 script_error
// says: Array buffer allocation failed
export default () => {
  throw new RangeError('Array buffer allocation failed')
}
