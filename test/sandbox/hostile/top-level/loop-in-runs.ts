// Is well-behaved while it is loaded, and loops when it runs.
// Stopped by the time limit of the run's first turn.
// expect: 504 script_timeout limit=cpu
if (typeof WebAssembly === 'undefined') for (;;);
export default () => 'never'
