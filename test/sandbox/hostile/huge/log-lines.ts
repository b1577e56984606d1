// Writes ten thousand long lines into its trace.
// Allowed: so many lines are kept, and so much of each, as the trace may hold.
// expect: 200 answer "logged"
export default () => {
  for (let n = 0; n < 10_000; n++) log.info(`line ${n} `, 'x'.repeat(10_000))
  return 'logged'
}
