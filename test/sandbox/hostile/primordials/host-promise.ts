// Uses the class behind the promises of calls: marks failures as dealt with that nobody has dealt with.
// What it marks is its own: the failure is told.
// expect: 500 script_error
// says: storage.set
export default () => {
  const call = storage.set('', 1)
  call.constructor.track(call, { handled: true })
  return 'fine'
}
