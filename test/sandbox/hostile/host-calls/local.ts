// Asks for texts without end, which costs the sandbox process and not the engine.
// Stopped by the budget of local questions.
// expect: 500 script_limit limit=localCalls
export default () => {
  for (let n = 0; n < 2_000; n++) t(`errors.nothing-${n}`)
}
