// Wants a code from an alphabet of fifty million letters.
// Stopped by the isolate's memory limit or the time limit.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed or 500 script_error
export default () => generateCode({ length: 256, alphabet: 'ab'.repeat(25_000_000) })
