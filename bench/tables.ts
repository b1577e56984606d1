// What was measured, as text.

import type { Costs } from './costs.ts'
import type { Pairs, Round, Side } from './pairs.ts'

export function pairsTable({ 'with-sandbox': sandboxed, 'no-sandbox': plain }: Pairs): string {
  const rows: string[][] = [
    ['connections', 'pair', 'side', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs/request', 'ratio'],
  ]
  const summary: string[] = []
  for (const connections of new Set(sandboxed.rounds.map(round => round.connections))) {
    const withOf = roundsOf(sandboxed, connections)
    const withoutOf = roundsOf(plain, connections)
    const ratios = withOf.map((round, pair) => round.requestsPerSecond / withoutOf[pair]!.requestsPerSecond)
    for (const [pair, round] of withOf.entries()) {
      const begin = [String(connections), String(pair + 1)]
      rows.push([...begin, 'sandbox', ...figures(round), ratios[pair]!.toFixed(2)])
      rows.push([...begin, 'no sandbox', ...figures(withoutOf[pair]!), ''])
    }
    const cpu = withOf.map((round, pair) => round.cpuUs! / withoutOf[pair]!.cpuUs!)
    const more = (key: 'p50Ms' | 'p99Ms'): string =>
      signed(median(withOf.map((round, pair) => round[key] - withoutOf[pair]![key])))
    summary.push(
      `${connections} connection${connections === 1 ? '' : 's'}: requests/s ${median(ratios).toFixed(2)} of "no sandbox"` +
        ` (${perSecond(withOf)} to ${perSecond(withoutOf)}), p50 ${more('p50Ms')} ms, p99 ${more('p99Ms')} ms,` +
        ` CPU of the serving process ${median(cpu).toFixed(2)}`,
    )
  }
  return [
    table(rows),
    '',
    'Medians of the pairs:',
    ...summary.map(line => `  ${line}`),
    `Memory (PSS), MB: sandbox ${memory(sandboxed)}; no sandbox ${memory(plain)}`,
    `Storage operations per request: sandbox ${operations(sandboxed)}`,
    `                             no sandbox ${operations(plain)}`,
  ].join('\n')
}

export function costsTable(costs: Costs): string {
  return table(
    costs.map(cost => [cost.what, 'ms' in cost ? `${cost.ms.toFixed(3)} ms` : `${cost.mb.toFixed(1)} MB`, cost.note]),
  )
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
}

function roundsOf({ rounds }: Side, connections: number): Round[] {
  return rounds.filter(round => round.connections === connections)
}

function figures({ requestsPerSecond, p50Ms, p99Ms, cpuUs, sandboxCpuUs }: Round): string[] {
  const cpu =
    cpuUs === undefined ? '?' : cpuUs.toFixed(0) + (sandboxCpuUs ? ` + ${sandboxCpuUs.toFixed(0)} in the sandbox` : '')
  return [requestsPerSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), cpu]
}

function perSecond(rounds: Round[]): string {
  return median(rounds.map(round => round.requestsPerSecond)).toFixed(0)
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(2)}`
}

function memory({ idleMb, loadedMb }: Side): string {
  return `${idleMb?.toFixed(0) ?? '?'} idle, ${loadedMb?.toFixed(0) ?? '?'} after the load`
}

function operations({ operations }: Side): string {
  const shown = Object.entries(operations).map(([name, count]) => `${name} ${count.toFixed(2)}`)
  return shown.join(', ') || 'none'
}

/** Rows of cells as columns; the first row has them all. */
export function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd()).join('\n')
}
