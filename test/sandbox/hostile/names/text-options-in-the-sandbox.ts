// The same through t(), in the process that answers for all scripts.
// The values are values of a text and nothing else: the key is the text when there is none.
// expect: 200 answer "mine.own"
export default () =>
  t('mine.own', { context: 'x', defaultValue: 'gone', interpolation: { prefix: 'never', suffix: 5 } })
