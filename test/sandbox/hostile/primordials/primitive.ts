// Replaces a primitive, for the runs after it.
// Frozen, with the globals that hold it.
// expect: 200 answer ["TypeError","TypeError","TypeError"]
export default () =>
  [
    () => (storage.get = () => 'mine'),
    () => Object.defineProperty(globalThis, 'sendSms', { value: () => 'mine' }),
    () => delete globalThis.refuse,
  ].map(attempt => {
    try {
      attempt()
      return 'done'
    } catch (error) {
      return error.name
    }
  })
