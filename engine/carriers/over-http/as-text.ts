// A value of somebody's JSON, where a text is wanted.

/** What is no text, number or boolean says nothing. */
export function asText(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
}
