// Normalizes a text to eighteen times its length.
// Stopped by V8's longest text, the isolate's limit or from outside.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed or 500 script_error
export default () => '\ufdfa'.repeat(3e7).normalize('NFKD').length
