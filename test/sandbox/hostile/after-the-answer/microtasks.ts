// Answers, and stays awake for ever in the queue of microtasks.
// Stopped by the time limit.
// expect: 504 script_timeout limit=cpu
export default () => {
  void (async () => {
    for (;;) await null
  })()
  return 'answered'
}
