// A comparison that makes a sort endless.
// Stopped by the time limit.
// expect: 504 script_timeout limit=cpu
export default () =>
  Array.from({ length: 1_000 }, (_, n) => n).sort(() => {
    for (;;);
  })
