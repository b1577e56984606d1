// Looks at the sandbox processes from outside: what is inside a turn that no
// time limit can stop, or takes memory that no isolate counts, is killed here.

import type { Lane } from './lane.ts'
import type { SandboxLimits } from './limits.ts'

// A flood of memory makes 1 to 2.5 GB a second; a look costs 0.02 ms.
const everyMs = 25
/** CPU time beyond what it owes us may take that says by itself: nothing inside will stop this. */
const runawayMs = 40
/** Less silence than this says nothing of a process, however short its turns are. */
const leastSilenceMs = 100
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
    const cpuMs = lane.process.cpuMs()
    const withinMs = Math.max(owedWithinMs, leastSilenceMs)
    const isLate = silentMs >= withinMs + limits.graceMs
    if (isLate && (cpuMs === undefined || silentMs > starvedMs)) return end(lane, 'silence')
    if (cpuMs === undefined) return
    lane.silence ??= { cpuMs, lateCpuMs: undefined }
    if (cpuMs - lane.silence.cpuMs >= owedWithinMs + runawayMs) return end(lane, 'silence')
    if (!isLate) return
    // Silent without working is waiting for its share of the machine.
    if (lane.silence.lateCpuMs === undefined) lane.silence.lateCpuMs = cpuMs
    else if (cpuMs - lane.silence.lateCpuMs >= withinMs / 4) end(lane, 'silence')
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
