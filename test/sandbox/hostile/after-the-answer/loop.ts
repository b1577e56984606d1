// Answers, then loops in a microtask.
// Stopped by the time limit: the answer is not out yet.
// expect: 504 script_timeout limit=cpu
export default () => {
  void (async () => {
    for (let n = 0; n < 10; n++) await null
    for (;;);
  })()
  return 'answered'
}
