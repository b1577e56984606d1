// Answers, then throws where nobody listens.
// Belongs to its own run: noted in its trace, the answer stays.
// expect: 200 answer "answered"
export default () => {
  void (async () => {
    await null
    throw new Error('too late')
  })()
  return 'answered'
}
