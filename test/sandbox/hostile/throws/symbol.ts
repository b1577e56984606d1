// Throws a symbol, which cannot be made a text by accident.
// Told as text.
// expect: 500 script_error
// says: Symbol(secret)
export default async () => {
  await storage.get('key')
  throw Symbol('secret')
}
