// Looks at the sandbox processes from outside: what is inside a turn that no
// time limit can stop, or takes memory that no isolate counts, is killed here.

import type { Lane } from './lane.ts'
import type { SandboxLimits } from './limits.ts'

// A flood of memory makes 1 to 2.5 GB a second; a look costs 0.02 ms.
const everyMs = 50
/** A process that got no CPU time for so long is given up, whatever its own clock says. */
const starvedMs = 10_000

export interface WatchdogParts {
  lanes(): Lane[]
  limits: SandboxLimits
  kill(lane: Lane, why: string): void
}

/** Returns how to stop. */
export function watchLanes({ lanes, limits, kill }: WatchdogParts): () => void {
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    // When the engine itself was held up, answers may lie unread in the pipes: they are read before the next look.
    const late = now - lookedAt > everyMs * 3
    lookedAt = now
    for (const lane of lanes()) {
      const owedWithinMs = lane.owedWithinMs()
      if (!late && owedWithinMs !== undefined) lookAtSilence(lane, now, owedWithinMs)
      lookAtMemory(lane)
    }
  }, everyMs)
  timer.unref()

  function lookAtSilence(lane: Lane, now: number, owedWithinMs: number): void {
    const silentMs = now - lane.heardAt
    if (silentMs < owedWithinMs + limits.graceMs) return
    const cpuMs = lane.process.cpuMs()
    if (cpuMs === undefined || silentMs > starvedMs) return end(lane, 'silence')
    // Silent without working is waiting for its share of the machine.
    if (lane.heardCpuMs < 0) lane.heardCpuMs = cpuMs
    else if (cpuMs - lane.heardCpuMs >= owedWithinMs / 4) end(lane, 'silence')
  }

  function lookAtMemory(lane: Lane): void {
    const memoryMb = lane.process.memoryMb()
    if (memoryMb !== undefined && memoryMb > limits.processMemoryMb) end(lane, 'memory')
  }

  function end(lane: Lane, why: 'silence' | 'memory'): void {
    if (lane.killedFor !== undefined) return
    lane.killedFor = why
    kill(lane, why)
  }

  return () => clearInterval(timer)
}
