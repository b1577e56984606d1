// Loops when its handler is taken, in runs only.
// Stopped by the time limit of a turn.
// expect: 504 script_timeout limit=cpu
const loading = typeof WebAssembly !== 'undefined'
module.exports = {
  get default() {
    if (loading) return () => 'never'
    for (;;);
  },
}
