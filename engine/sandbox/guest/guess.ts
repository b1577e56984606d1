// What the engine will most probably answer to a call.
//
// Most calls have an answer that can be foretold: what is set is set, a message
// is accepted, a number that asks for a code was not heard of before. A run that
// goes on with it at once, and tells the engine what it took for granted
// (statement "guess"), needs one turn where it would have needed one for each
// answer. It is told in an entry of its own, as it would have been told the
// answer: a run must not find out by what comes first within a turn. The engine
// lets nothing that was said behind a guess count before the guess has held
// (statements.ts).

import type { Delivery } from './host-call.ts'
import { askChild, parse, stringify, type GuestRun } from './run.ts'

/** Undefined when there is nothing to go by. For storage.update: the value that its function is asked about. */
export function likelyAnswer(
  run: GuestRun,
  number: number,
  name: string,
  input: Record<string, unknown>,
): Delivery | undefined {
  switch (name) {
    case 'storage.update':
      return [number, 'change']
    case 'storage.get':
      return [number, 'ok']
    case 'storage.set':
      return input.ifAbsent === undefined ? [number, 'ok', true] : undefined
    case 'sendSms':
      return [number, 'ok', { id: `${run.id}.${++run.messages}`, ...segments(input.text) }]
    default:
      return undefined
  }
}

function segments(text: unknown): { segments?: number; encoding?: string } {
  return typeof text === 'string' ? (parse(askChild('segments', stringify([text]))) as { segments: number }) : {}
}
