// One native step that takes half a gigabyte.
// Stopped from outside: by the kernel, the watch over memory or the one over time.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed
export default () => new Array(60e6).fill(1).length
