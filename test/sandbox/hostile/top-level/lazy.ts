// Answers its exports in another way when it runs than when it was loaded.
// An error like others: there is no handler.
// expect: 500 script_error
const loading = typeof WebAssembly !== 'undefined'
module.exports = loading ? { default: () => 'never' } : { default: 'no function' }
