// Calls the engine one time more than it may, again and again, and catches everything.
// Stopped by the budget of calls, which cannot be caught.
// expect: 500 script_limit limit=hostCalls
export default async () => {
  for (;;) {
    try {
      await storage.increment('calls')
    } catch {
      continue
    }
  }
}
