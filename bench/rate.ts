// An open loop: requests are due at a fixed rate, whatever the answers take, and
// time counts from there. So a stall is felt by all who come meanwhile, not by
// one of them.

/** ms, from when a request was due to its answer. */
export interface Latencies {
  p50Ms: number
  p99Ms: number
  longestMs: number
}

/** Asks while `goesOn` says so; `n` counts from 0. Resolves when everything is answered, rejects when `ask` does. */
export async function askAtRate(
  perSecond: number,
  goesOn: (n: number) => boolean,
  ask: (n: number) => Promise<void>,
): Promise<Latencies> {
  const times: number[] = []
  const answers: Array<Promise<void>> = []
  const began = performance.now()
  for (let n = 0; goesOn(n); n++) {
    const dueAt = began + (n * 1_000) / perSecond
    const early = dueAt - performance.now()
    if (early > 0) await new Promise(soon => setTimeout(soon, early))
    answers.push(ask(n).then(() => void times.push(performance.now() - dueAt)))
  }
  await Promise.all(answers)
  times.sort((a, b) => a - b)
  const at = (part: number): number => times[Math.floor(times.length * part)]!
  return { p50Ms: at(0.5), p99Ms: at(0.99), longestMs: times.at(-1)! }
}
