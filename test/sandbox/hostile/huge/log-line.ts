// Writes one line of a hundred megabytes.
// Cut short, or stopped by the isolate's own limit.
// expect: 200 answer "logged" or 500 script_out_of_memory or 504 script_timeout or 500 script_crashed
export default () => {
  log.info('x'.repeat(1e8))
  return 'logged'
}
