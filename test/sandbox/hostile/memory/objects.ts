// Keeps objects until nothing is left, beginning in its second turn.
// Stopped by the isolate's memory limit.
// expect: 500 script_out_of_memory limit=memory
// needs: cpuMs=1000
export default async () => {
  await storage.increment('began')
  const all = []
  for (let n = 0; ; n++) all.push({ n, text: `number ${n}` })
}
