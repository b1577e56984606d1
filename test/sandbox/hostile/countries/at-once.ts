// Sends to a hundred countries at once, in the hope that one passes.
// Refused one by one, until the budget of calls ends the run.
// expect: 500 script_limit limit=hostCalls
// needs: countries=US
export default () =>
  Promise.allSettled(Array.from({ length: 100 }, (_, n) => sendSms({ to: `+4479111${10_000 + n}`, text: 'x' })))
