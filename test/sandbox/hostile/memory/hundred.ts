// Keeps a hundred megabytes, and then answers as if nothing were the matter.
// Stopped by the isolate's memory limit.
// expect: 500 script_out_of_memory limit=memory
// needs: cpuMs=1000
export default () => Array.from({ length: 125 }, () => new Array(100_000).fill(0.5)).length
