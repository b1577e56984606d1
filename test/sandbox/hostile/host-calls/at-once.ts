// Ten thousand calls in one turn.
// Stopped by the budget of calls, counted inside the isolate: the rest never leaves it.
// expect: 500 script_limit limit=hostCalls
export default () => Promise.allSettled(Array.from({ length: 10_000 }, (_, n) => storage.set(`key:${n}`, n)))
