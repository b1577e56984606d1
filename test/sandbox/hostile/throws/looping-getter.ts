// Throws an error whose message never ends being read.
// Looked at inside the turn, so the time limit stops it.
// expect: 504 script_timeout limit=cpu
export default () => {
  const error = new Error('endless')
  Object.defineProperty(error, 'message', {
    get() {
      for (;;);
    },
  })
  throw error
}
