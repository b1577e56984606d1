// Replaces then, to see the promises of the sandbox.
// Frozen.
// expect: 500 script_error
// says: TypeError
export default async () => {
  Promise.prototype.then = () => 'mine'
  await storage.get('key')
}
