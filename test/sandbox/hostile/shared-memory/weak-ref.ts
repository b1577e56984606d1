// Watches when garbage is collected, which tells of the work of others.
// Not there.
// expect: 500 script_error
// says: WeakRef
export default () => new WeakRef({}).deref()
