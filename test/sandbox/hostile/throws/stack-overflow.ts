// Overflows the stack in the middle of a call to the engine, at every depth there is.
// An error like others: the call is made or not made, and the run ends.
// expect: 200 answer "back" or 500 script_error or 500 script_limit or 504 script_timeout
export default () => {
  const deep = () => {
    try {
      deep()
    } catch {
      void storage.get('key')
      throw new Error('next')
    }
  }
  try {
    deep()
  } catch {
    return 'back'
  }
}
