// Wants to be called when the garbage of others is collected.
// Not there.
// expect: 500 script_error
// says: FinalizationRegistry
export default () => new FinalizationRegistry(() => storage.set('late', true)).register({}, 1)
