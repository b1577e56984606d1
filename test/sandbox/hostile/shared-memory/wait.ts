// Puts the thread of all scripts to sleep.
// Not there.
// expect: 500 script_error
// says: Atomics
export default () => Atomics.wait(new Int32Array(4), 0, 0)
