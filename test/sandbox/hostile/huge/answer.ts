// Answers with a text of a megabyte.
// Stopped by the limit of what crosses the border.
// expect: 500 script_limit limit=valueBytes
export default () => 'x'.repeat(1_000_000)
