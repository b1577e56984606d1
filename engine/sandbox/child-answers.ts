// What the code inside an isolate asks of its process: texts, languages,
// numbers, segments. One copy serves all isolates; in each of them these
// libraries would cost some 4 MB and 14 ms.

import type { Texts } from '../locales.ts'
import { countSegments } from '../outbox/segments.ts'
import { parseNumber } from './parse-number.ts'

/** `argument` and what is answered are JSON. A question that cannot be understood is answered with null. */
export function answerGuest(
  question: string,
  argument: string,
  texts: Texts,
  testNumbers: Record<string, string>,
): string {
  try {
    const values = JSON.parse(argument) as [unknown, unknown, unknown]
    if (question === 't') return JSON.stringify(texts.t(values[0], values[1], values[2]))
    if (question === 'segments') return JSON.stringify(segmentsOf(values[0]))
    if (question === 'language') return JSON.stringify(texts.language(values[0], values[1]))
    return JSON.stringify(parseNumber(values[0], values[1], testNumbers))
  } catch {
    return 'null'
  }
}

function segmentsOf(text: unknown): { segments: number; encoding: string } {
  const { segments, encoding } = countSegments(String(text))
  return { segments, encoding }
}
