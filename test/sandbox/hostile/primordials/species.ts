// Has the promises of calls made by a constructor of its own.
// The constructor of calls is frozen, and its species is the plain promise.
// expect: 500 script_error
// says: TypeError
export default async () => {
  const call = storage.get('key')
  Object.defineProperty(call.constructor, Symbol.species, { value: class Spy extends Promise {} })
  await call
}
