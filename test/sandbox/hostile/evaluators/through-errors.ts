// Climbs to the sandbox process through an error that was thrown by it.
// Errors are made inside the isolate: their constructors are its own.
// expect: 200 answer ["object","TypeError"]
export default async () => {
  try {
    await storage.set('', 1)
  } catch (error) {
    try {
      error.constructor.constructor('return process')()
    } catch (refused) {
      return [typeof error, refused.name]
    }
  }
}
