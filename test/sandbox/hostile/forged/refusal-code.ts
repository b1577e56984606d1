// Refuses with a code that would begin a new line, with a status of success.
// A code is a word, a status is from 400 to 499.
// expect: 400 refused
export default () => {
  throw refuse('ok\n["end",1]', { status: 200 })
}
