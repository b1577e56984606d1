// Rejects a promise with an error whose message loops when it is read.
// Stopped by the time limit or from outside.
// expect: 504 script_timeout or 500 script_crashed or 200 answer "fine"
export default () => {
  const error = new Error('x')
  Object.defineProperty(error, 'message', {
    get() {
      for (;;);
    },
  })
  void Promise.reject(error)
  return 'fine'
}
