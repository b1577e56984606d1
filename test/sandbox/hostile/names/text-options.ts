// Refuses with facts that the library of texts takes for its own options: a text that fills itself for ever, in the engine.
// The facts are values of a text and nothing else: the sentence is the code's title.
// expect: 400 nope {"code":"nope","detail":"Nope"}
export default () => {
  throw refuse('nope', {
    context: 'x',
    defaultValue: '{{a}}',
    a: '{{a}}',
    interpolation: { skipOnVariables: false, maxReplaces: 20_000 },
  })
}
