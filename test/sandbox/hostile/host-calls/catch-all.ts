// Hides its calls behind a wall of then and catch.
// Stopped by the budget of calls.
// expect: 500 script_limit limit=hostCalls
export default () => {
  const again = () => storage.get('key').then(again, again)
  return Promise.race([again(), again(), again()])
}
