// CPU time of turns, in the sandbox process.
//
// Asking the kernel costs as much as a short turn. So it is asked once for what
// came together, and for turns that took long; a short turn has used no more
// than its own time.

const shortMs = 1
let marked = { at: 0, cpuUs: 0 }

/** Begins a new account: what came together starts here. */
export function markCpu(): void {
  const { user, system } = process.threadCpuUsage()
  marked = { at: performance.now(), cpuUs: user + system }
}

/** CPU microseconds since `began` (of performance.now), which was after the last mark; never more than the time that passed. */
export function cpuSince(began: number): number {
  const wallMs = performance.now() - began
  if (wallMs < shortMs) return Math.round(wallMs * 1_000)
  const { at, cpuUs } = marked
  markCpu()
  const others = Math.max(0, began - at) * 1_000
  return Math.round(Math.min(Math.max(0, marked.cpuUs - cpuUs - others), wallMs * 1_000))
}
