// What a provider says about a message, as it may stand in logs and answers: it
// may repeat what it was told, and it was told secrets, a number and a text.

import { maskDigits } from '../../log.ts'

/** `code words`: the code stays as it is, the words lose the secrets and every run of four digits and more. */
export function providerWords(said: string, secrets: readonly string[]): string {
  let clean = said
  for (const secret of secrets) if (secret.length >= 4) clean = clean.replaceAll(secret, '***')
  const codeEnd = clean.search(/\s|$/)
  return (clean.slice(0, codeEnd) + maskDigits(clean.slice(codeEnd))).slice(0, 200).trimEnd()
}
