// Makes a quarter of a billion letters of one text.
// Stopped from outside or by the isolate's own limit.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed or 500 script_error
export default () => 'ab'.repeat(2 ** 27).split('').length
