// Answers with a thenable that answers with a thenable, without end.
// Stopped by the time limit of a turn.
// expect: 504 script_timeout limit=cpu
export default () => {
  const more = () => ({ then: resolve => resolve(more()) })
  return more()
}
