// Refuses with a megabyte of facts.
// Stopped by the limit of what crosses the border.
// expect: 500 script_limit limit=valueBytes
export default () => {
  throw refuse('too_much', { facts: 'x'.repeat(1_000_000) })
}
