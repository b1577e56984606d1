// The well-behaved script that works beside every hostile one, and the folder
// and settings that they share. The bench plays them too, so nothing here needs
// a test to be running.

import { readLib, type HostileCase } from './corpus.ts'

export const good = `
// Counts, looks the number up, and sends one SMS in a language of its own.
export default async ({ number }) => {
  const phone = parseNumber(number)
  const { value } = await storage.increment('count')
  const text = t('errors.too_soon', { count: 3, context: 'none' }, 'fr')
  const sms = await sendSms({ to: phone.e164, text: value + ' ' + text })
  return { value, sms: sms.id }
}
export const count = () => storage.get('count')
export const timer = () => schedule('later', {}, { after: '24h' })
`

/** Whom the good script is asked to write to, one request after the other. */
export const numberOf = (index: number): string => `+1212${5_550_000 + index}`

/** Short turns make the suite short; what cases need beside is in their headers. */
const suite = { cpuMs: 100, wallMs: 10_000 }

/** What lies in `scripts/` for these cases: file name to source. */
export function filesOf(cases: HostileCase[]): Record<string, string> {
  const scripts = cases.map(({ name, source }) => [`${name}.ts`, source] as const)
  return { 'good.ts': good, ...readLib(), ...Object.fromEntries(scripts) }
}

/** The configuration that cases of one group share. */
export function configOf(cases: HostileCase[]): { engine: object; scripts: object } {
  const { cpuMs, wallMs } = { ...suite, ...cases[0]?.engine }
  return {
    engine: { scriptCpuMs: cpuMs, scriptWallMs: wallMs, scriptMemoryMb: 32 },
    scripts: Object.fromEntries(cases.map(({ name, script }) => [name, script])),
  }
}

/** The texts that each number got, of the lines that the loopback carrier prints. */
export function textsByNumber(printed: string[]): Map<string, string[]> {
  const texts = new Map<string, string[]>()
  for (const line of printed) {
    const [, number, text] = /^SMS to (\+\d+): (.*)$/.exec(line)!
    texts.set(number!, [...(texts.get(number!) ?? []), text!])
  }
  return texts
}

/** Numbers that got no SMS, or more than one, or another text than theirs. */
export function numbersWronged(texts: Map<string, string[]>, asked: number): string[] {
  const withoutCount = (text: string | undefined): string | undefined => text?.replace(/^\d+ /, '')
  const sentence = withoutCount(texts.get(numberOf(0))?.[0])
  return Array.from({ length: asked }, (_, index) => numberOf(index)).filter(number => {
    const got = texts.get(number) ?? []
    return got.length !== 1 || withoutCount(got[0]) !== sentence
  })
}
