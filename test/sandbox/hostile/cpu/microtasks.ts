// Never leaves the queue of microtasks, but every step of it is short.
// Stopped by the time limit, which counts the microtasks of a turn.
// expect: 504 script_timeout limit=cpu
export default async () => {
  for (;;) await null
}
