// Does not wait for a call that fails.
// The engine waits for it: the answer leaves only when every call is done, and this one failed.
// expect: 500 script_error
// says: storage.set
export default () => {
  void storage.set('', 'no key')
  return 'answered'
}
