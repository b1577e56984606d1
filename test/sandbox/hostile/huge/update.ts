// Makes a megabyte of a value in the function of an update.
// Stopped by the limit of what crosses the border; nothing is written.
// expect: 500 script_limit limit=valueBytes
export default () => storage.update('key', () => 'x'.repeat(1_000_000))
