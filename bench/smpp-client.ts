// submit_sm per second of our SMPP client against the npm package's: a process
// each, the same sink, one round after the other in one run.

import { startSink } from './start-sink.ts'
import type { SubmitOrder, SubmitResult } from './smpp-submitter.ts'
import { startProcess } from './processes.ts'
import { median, table } from './tables.ts'

const windows = [1, 10, 100]
const sides = ['ours', 'npm'] as const
/** At window 100. */
const target = 2
const warmUpSeconds = 1

/** The table, with the medians of the rounds. */
export async function measureSmppClient(rounds: number, seconds: number): Promise<string> {
  const sink = await startSink()
  const submitters = sides.map(side => startProcess('smpp-submitter', [side]))
  const [ours, npm] = submitters.map(
    ({ ask }) =>
      (order: Omit<SubmitOrder, 'port'>) =>
        ask<SubmitResult>({ ...order, port: sink.port }),
  )
  try {
    for (const window of windows) {
      for (const side of [ours!, npm!]) await side({ window, seconds: warmUpSeconds })
    }
    const rows = [['window', 'ours/s', 'npm smpp 0.5.1/s', 'ratio', 'of rounds', 'CPU µs/submit: ours', 'npm']]
    for (const window of windows) {
      const pairs: Array<[SubmitResult, SubmitResult]> = []
      for (let round = 0; round < rounds; round++)
        pairs.push([await ours!({ window, seconds }), await npm!({ window, seconds })])
      const ratios = pairs.map(([own, other]) => own.perSecond / other.perSecond)
      const of = (side: 0 | 1, key: keyof SubmitResult, digits: number): string =>
        median(pairs.map(pair => pair[side][key])).toFixed(digits)
      rows.push([
        String(window),
        of(0, 'perSecond', 0),
        of(1, 'perSecond', 0),
        median(ratios).toFixed(2),
        `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
        of(0, 'cpuUs', 1),
        of(1, 'cpuUs', 1),
      ])
    }
    return `${table(rows)}\n\nMedians of ${rounds} rounds of ${seconds} s. Target: at least ${target.toFixed(1)} at window 100`
  } finally {
    for (const { stop } of submitters) stop()
    await sink.stop()
  }
}
