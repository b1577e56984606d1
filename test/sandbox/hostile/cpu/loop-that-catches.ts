// Catches whatever would stop it and goes on in finally.
// Stopped by the time limit: a termination cannot be caught.
// expect: 504 script_timeout limit=cpu
export default () => {
  for (;;) {
    try {
      for (;;);
    } catch {
      continue
    } finally {
      for (;;);
    }
  }
}
