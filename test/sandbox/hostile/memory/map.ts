// Fills a Map with keys of its own.
// Stopped by the isolate's memory limit.
// expect: 500 script_out_of_memory limit=memory
// needs: cpuMs=1000
export default () => {
  const map = new Map()
  for (let n = 0; ; n++) map.set({ n }, `value ${n}`)
}
