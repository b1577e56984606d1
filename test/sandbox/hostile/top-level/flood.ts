// Calls the engine while it is loaded.
// Comes to nothing then; in a run it counts against the run's budget.
// expect: 500 script_limit limit=hostCalls
for (let n = 0; n < 200; n++) void storage.increment('top')
export default () => 'never'
