// A power that is computed in one native step, which no time limit interrupts.
// Stopped from outside: the process is killed, tried once more alone, and killed again.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed
export default async () => {
  await storage.get('key')
  return (7n ** 6_000_000n).toString().length
}
