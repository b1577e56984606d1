// Throws an error whose name is an object that loops when it is made a text.
// Made a text inside the turn if at all, so the time limit stops it.
// expect: 504 script_timeout limit=cpu or 500 script_error
export default () => {
  const error = new Error('named')
  error.name = {
    toString() {
      for (;;);
    },
  }
  throw error
}
