// Sends messages while it is loaded.
// Comes to nothing then: nothing is stored, nothing is sent.
// expect: 200 answer []
if (typeof WebAssembly !== 'undefined') {
  void sendSms({ to: '+12025550000', text: 'loaded' })
  void storage.set('loaded', true)
}
export default () => storage.list('')
