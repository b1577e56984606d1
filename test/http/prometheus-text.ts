// A strict reader of Prometheus' text format 0.0.4: throws at what a scraper
// might forgive. https://prometheus.io/docs/instrumenting/exposition_formats/

export interface ReadFamily {
  name: string
  type: string
  help: string
  samples: ReadSample[]
}

export interface ReadSample {
  name: string
  labels: Record<string, string>
  value: number
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,|$)/y
const parts: Record<string, readonly string[]> = {
  counter: [''],
  gauge: [''],
  summary: ['', '_sum', '_count'],
  histogram: ['_bucket', '_sum', '_count'],
}

export function readPrometheusText(text: string): Map<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, ReadFamily>()
  const series = new Set<string>()
  let family: ReadFamily | undefined
  let help: { name: string; text: string } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const fail = (problem: string): never => {
      throw new Error(`${problem}: ${line}`)
    }
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string]
      if (families.has(name)) fail('a family twice')
      if (kind === 'HELP') help = { name, text: rest }
      else {
        if (help?.name !== name || parts[rest] === undefined) return fail('a type without help, or unknown')
        family = { name, type: rest, help: help.text, samples: [] }
        families.set(name, family)
      }
      continue
    }
    const found = sampleLine.exec(line)
    if (found === null || family === undefined) return fail('no sample')
    const [, name, inBraces = '', value] = found as unknown as [string, string, string | undefined, string]
    if (!parts[family.type]!.some(part => name === family!.name + part)) fail('a sample of another family')
    const labels = readLabels(inBraces) ?? fail('wrong labels')
    const key = `${name}${JSON.stringify(labels, Object.keys(labels).toSorted())}`
    if (series.has(key)) fail('a series twice')
    series.add(key)
    family.samples.push({ name, labels, value: Number(value.replace('Inf', 'Infinity')) })
  }
  for (const one of families.values()) checkFamily(one)
  return families
}

function readLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  label.lastIndex = 0
  while (label.lastIndex < text.length) {
    const found = label.exec(text)
    const [, name = '', value = ''] = found ?? []
    if (found === null || name in labels) return undefined
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
  }
  return text.endsWith(',') ? undefined : labels
}

function checkFamily({ name, type, samples }: ReadFamily): void {
  const fail = (problem: string): never => {
    throw new Error(`${name}: ${problem}`)
  }
  if (type === 'counter' && !name.endsWith('_total')) fail('a counter is named _total')
  if (type !== 'gauge' && samples.some(({ value }) => value < 0)) fail('below 0')
  if (type === 'counter' && samples.some(({ value }) => !Number.isFinite(value))) fail('a counter that counts nothing')
  if (type !== 'histogram') return
  const groups = Map.groupBy(samples, ({ labels: { le: _le, ...rest } }) => JSON.stringify(rest))
  for (const group of groups.values()) {
    const buckets = group.filter(sample => sample.name.endsWith('_bucket'))
    const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('Inf', 'Infinity')))
    const count = group.find(sample => sample.name.endsWith('_count'))?.value
    if (bounds.some((bound, i) => !(bound > (bounds[i - 1] ?? -Infinity)))) fail('bounds that do not grow')
    if (buckets.some(({ value }, i) => value < (buckets[i - 1]?.value ?? 0))) fail('buckets that do not add up')
    if (bounds.at(-1) !== Infinity || buckets.at(-1)!.value !== count) fail('no bucket for all')
    if (!group.some(sample => sample.name.endsWith('_sum'))) fail('no sum')
  }
}
