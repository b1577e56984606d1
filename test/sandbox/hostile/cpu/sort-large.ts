// Sorts a million numbers, much of it in native code.
// Stopped by the time limit or the memory limit, whichever sees it first.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed
export default () => {
  const list = Array.from({ length: 1_000_000 }, (_, n) => (n * 7_919) % 1_000_003)
  for (;;) list.toSorted()
}
