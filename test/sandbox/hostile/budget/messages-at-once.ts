// Sends forty messages in one turn.
// Stopped by the budget, which the engine counts as it takes them.
// expect: 500 script_limit limit=messages
export default () =>
  Promise.allSettled(Array.from({ length: 40 }, (_, n) => sendSms({ to: '+12025550000', text: `message ${n}` })))
