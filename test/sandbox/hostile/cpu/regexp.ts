// A pattern that backtracks for longer than the universe lives.
// Stopped by the time limit, which V8 heeds inside a match.
// expect: 504 script_timeout limit=cpu
export default () => /^(a+)+$/.test(`${'a'.repeat(60)}b`)
