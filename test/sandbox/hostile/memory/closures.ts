// Keeps functions that keep their arguments.
// Stopped by the isolate's memory limit.
// expect: 500 script_out_of_memory limit=memory
// needs: cpuMs=1000
export default () => {
  const kept = []
  for (let n = 0; ; n++) {
    const list = [n, n, n, n, n, n, n, n]
    kept.push(() => list)
  }
}
