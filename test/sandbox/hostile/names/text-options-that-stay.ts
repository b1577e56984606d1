// Refuses with facts that leave the library of texts changed for everybody, by failing half way.
// The facts are values of a text and nothing else.
// expect: 400 nope {"code":"nope","detail":"Nope"}
export default () => {
  throw refuse('nope', { context: 'x', defaultValue: 'gone', interpolation: { prefix: 'never', suffix: 5 } })
}
