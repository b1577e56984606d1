// Stores a text of a megabyte.
// Stopped by the limit of what crosses the border.
// expect: 500 script_limit limit=valueBytes
export default () => storage.set('key', 'x'.repeat(1_000_000)).catch(() => 'caught')
