// Throws an error with a message of fifty million letters.
// Cut short inside the isolate, or stopped by its memory limit.
// expect: 500 script_error or 500 script_out_of_memory or 504 script_timeout or 500 script_crashed
export default () => {
  throw new Error('x'.repeat(5e7))
}
