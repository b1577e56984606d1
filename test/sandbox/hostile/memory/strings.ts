// Splits long texts into letters.
// Stopped by the isolate's memory limit.
// expect: 500 script_out_of_memory limit=memory
// needs: cpuMs=1000
export default () => {
  const all = []
  for (let n = 0; ; n++) all.push(`x${n}`.padEnd(100_000).split(''))
}
