// Joins a hundred million holes to one text.
// One text may be larger than the isolate: the watch over the process holds for it, and it never crosses.
// expect: 200 answer 199999998 or 504 script_timeout or 500 script_out_of_memory or 500 script_crashed or 500 script_error
export default () => Array(1e8).join('ab').length
