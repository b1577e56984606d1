// Calls without end, and without waiting.
// Stopped by the budget, and then by the time limit: what the first has ended it cannot answer.
// expect: 500 script_limit limit=hostCalls or 504 script_timeout limit=cpu
export default () => {
  for (;;) void storage.get('key')
}
