// Rejects a promise with an error of a hundred million letters.
// Cut short in its trace, or stopped by a limit of memory.
// expect: 200 answer "fine" or 500 script_out_of_memory or 504 script_timeout or 500 script_crashed
export default () => {
  void Promise.reject(new Error('x'.repeat(1e8)))
  return 'fine'
}
