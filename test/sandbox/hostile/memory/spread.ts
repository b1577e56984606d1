// Spreads a text of half a billion letters.
// Stopped from outside, by the isolate's own limit, or by V8's longest array.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed or 500 script_error
export default () => [...'.'.repeat(5e8)].length
