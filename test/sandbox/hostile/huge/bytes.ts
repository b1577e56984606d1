// Keeps to the limit in characters, not in bytes.
// Stopped by the limit, which the engine counts in bytes.
// expect: 500 script_limit limit=valueBytes
export default () => storage.set('key', '\u20ac'.repeat(30_000))
