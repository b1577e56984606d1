// Keeps arrays until nothing is left.
// Stopped by the isolate's memory limit.
// expect: 500 script_out_of_memory limit=memory
// needs: cpuMs=1000
export default () => {
  const all = []
  for (;;) all.push(new Array(10_000).fill(0.5))
}
