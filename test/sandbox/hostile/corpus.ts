// Reads the corpus: one hostile script per file, its expected outcome in its
// header. A case is served as `/<family>-<name>`.
//
//   // What it tries.
//   // Which wall stops it.
//   // expect: 504 script_timeout limit=cpu        status, code, the fact `limit`
//   // expect: 200 answer {"kept":[]}              status, the whole body
//   // expect: 400 refused {"detail":"Refused"}    status, code, fields of the body
//   // expect: not loaded cannot be imported       words of the problem
//   // needs: cpuMs=1000 memoryMb=32 countries=US  settings
//   // says: settled                               words of the outcome in the trace
//
// `or` parts outcomes that are all right: what no limit of V8 can interrupt is
// ended by whichever watch sees it first. An export `prepare` is called before.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Answer } from '../../helpers.ts'

export interface Expected {
  status: number
  /** `answer`, or the code of the problem. */
  code: string
  /** Of an answer all of it, of a problem the fields to look at. */
  body: unknown
  limit: string | undefined
}

export interface HostileCase {
  family: string
  /** The script's address, without the slash. */
  name: string
  source: string
  /** Undefined for a script that must not load. */
  expected: Expected[] | undefined
  /** What the problem has to say of a script that must not load. */
  refusedWith: string
  says: string | undefined
  prepares: boolean
  /** Settings of the engine that are not the suite's: cases with the same ones share an engine. */
  engine: Record<string, number>
  /** Settings of the script alone. */
  script: { memoryMb?: number; countries?: string[] }
}

const here = import.meta.dirname
const engineNeeds = new Set(['wallMs', 'cpuMs', 'hostCalls', 'messages'])

/** Every case, by family and name. */
export function readCorpus(): HostileCase[] {
  return foldersOf(here)
    .filter(family => family !== 'lib')
    .flatMap(family =>
      readdirSync(join(here, family))
        .filter(file => file.endsWith('.ts'))
        .sort()
        .map(file => readCase(family, file)),
    )
}

/** What cases import: file name below `scripts/` to source. */
export function readLib(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(join(here, 'lib')).map(file => [`lib/${file}`, readFileSync(join(here, 'lib', file), 'utf8')]),
  )
}

function foldersOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()
}

function readCase(family: string, file: string): HostileCase {
  const source = readFileSync(join(here, family, file), 'utf8')
  const name = `${family}-${file.slice(0, -'.ts'.length)}`
  const header = /^(?:\/\/ .*\n)+/.exec(source)?.[0] ?? ''
  const lines = header.split('\n').map(line => line.slice('// '.length))
  const told = lines.filter(line => line !== '' && !/^(expect|needs|says): /.test(line))
  if (told.length < 2) throw new Error(`${family}/${file}: the header does not say what it tries and what stops it`)
  const line = (kind: string): string | undefined =>
    lines.find(one => one.startsWith(`${kind}: `))?.slice(kind.length + ': '.length)
  const expect = line('expect')
  if (expect === undefined) throw new Error(`${family}/${file}: the header does not say what to expect`)
  const notLoaded = /^not loaded (.+)$/.exec(expect)
  const { engine, script } = readNeeds(line('needs') ?? '')
  return {
    family,
    name,
    source,
    expected: notLoaded === null ? readExpected(expect, `${family}/${file}`) : undefined,
    refusedWith: notLoaded?.[1] ?? '',
    says: line('says'),
    prepares: /^export const prepare\b/m.test(source),
    engine,
    script,
  }
}

function readExpected(text: string, file: string): Expected[] {
  return text.split(/ or (?=\d{3} )/).map(outcome => {
    const parts = /^(\d{3}) ([a-z_]+)(?: ([[{"\d].*?|null|true|false))?(?: limit=(\w+))?$/.exec(outcome)
    if (parts === null) throw new Error(`${file}: "${outcome}" is no expected outcome`)
    const [, status, code, body, limit] = parts
    return { status: Number(status), code: code!, body: body === undefined ? undefined : JSON.parse(body), limit }
  })
}

function readNeeds(text: string): Pick<HostileCase, 'engine' | 'script'> {
  const needs: Pick<HostileCase, 'engine' | 'script'> = { engine: {}, script: {} }
  for (const word of text.split(' ').filter(one => one !== '')) {
    const [name, value] = word.split('=') as [string, string]
    if (engineNeeds.has(name)) needs.engine[name] = Number(value)
    else if (name === 'memoryMb') needs.script.memoryMb = Number(value)
    else if (name === 'countries') needs.script.countries = value.split(',')
    else throw new Error(`"${name}" is no setting that a case can need`)
  }
  return needs
}

/** Of a case's answer: undefined when it is one of those expected, else what came instead. */
export function unexpected({ expected = [] }: HostileCase, { status, body }: Answer): string | undefined {
  const fits = expected.some(
    one =>
      one.status === status &&
      (one.code === 'answer' ? same(body, one.body) : body.code === one.code && holds(body, one.body)) &&
      (one.limit === undefined || body.limit === one.limit),
  )
  return fits ? undefined : `${status} ${JSON.stringify(body).slice(0, 500)}`
}

function same(value: unknown, expected: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(expected)
}

function holds(body: Record<string, unknown>, fields: unknown): boolean {
  return Object.entries(fields ?? {}).every(([name, value]) => same(body[name], value))
}
