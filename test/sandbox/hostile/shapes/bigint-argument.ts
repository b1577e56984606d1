// Stores what JSON cannot hold.
// A call that failed before the engine heard of it.
// expect: 200 answer "TypeError"
export default () => storage.set('key', { big: 1n }).catch(error => error.name)
