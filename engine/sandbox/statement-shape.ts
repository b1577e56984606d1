// What a turn may say, checked before anything is made of it: a sandbox process
// whose script has broken out says what it likes.

import type { Facts } from '../errors.ts'

/** As guest/main.ts describes them. */
export type Statement =
  | ['call', number, string, unknown]
  | ['changed', number, 'set' | 'delete' | 'nothing', unknown?]
  | ['guess', number, 'change' | 'kept' | 'ok', unknown?]
  | ['log', string, string]
  | ['limit', string]
  | ['end', unknown]
  | ['refuse', { code: string; status: number; facts: Facts }]
  | ['fail', { name: string; message: string; stack: string }]
  | ['settled', string | null]

/** child-statements.ts stops at 1,000, and may put one line of its own before them. */
const maxStatements = 1_001

/** Throws for a text that the sandbox never says by itself. */
export function readStatements(text: string): Statement[] {
  const statements: unknown = JSON.parse(text)
  if (!Array.isArray(statements) || statements.length > maxStatements) throw new Error('no list of statements')
  for (const statement of statements) if (!isStatement(statement)) throw new Error('an unknown statement')
  return statements as Statement[]
}

/** Whether the sandbox may say this by itself. */
export function isStatement(statement: unknown): statement is Statement {
  if (!Array.isArray(statement)) return false
  const [kind, first, second] = statement as unknown[]
  switch (kind) {
    case 'call':
      // Numbers count the calls: a run that left them out would have no limit.
      return isNumber(first) && typeof second === 'string'
    case 'changed':
      return isNumber(first) && (second === 'set' || second === 'delete' || second === 'nothing')
    case 'guess':
      return isNumber(first) && (second === 'change' || second === 'kept' || second === 'ok')
    case 'log':
      return typeof first === 'string' && typeof second === 'string' && first.length + second.length < 3_000
    case 'limit':
      return typeof first === 'string'
    case 'end':
      return first !== undefined
    case 'refuse':
      return isRefusal(first)
    case 'fail':
      return isRecord(first) && ['name', 'message', 'stack'].every(name => typeof first[name] === 'string')
    case 'settled':
      return first === null || typeof first === 'string'
    default:
      return false
  }
}

function isRefusal(value: unknown): boolean {
  if (!isRecord(value) || !isRecord(value.facts)) return false
  const { code, status } = value
  return typeof code === 'string' && Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 499
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
