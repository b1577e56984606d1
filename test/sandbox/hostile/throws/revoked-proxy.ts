// Throws a Proxy that is revoked: every look at it throws.
// Told as a value that cannot be described.
// expect: 500 script_error
// says: cannot be described
export default () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  throw proxy
}
