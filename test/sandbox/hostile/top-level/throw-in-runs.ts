// Is well-behaved while it is loaded, and throws when it runs.
// An error like others.
// expect: 500 script_error
// says: not now
if (typeof WebAssembly === 'undefined') throw new Error('not now')
export default () => 'never'
