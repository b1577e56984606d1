// Requests that mean to live through what happens beside them.

import type { Answer, TestEngine } from '../helpers.ts'

/** An export with several turns and something to lose, to be written below the others of a script. */
export const neighbour = `
export const live = async ({ n }) => {
  const code = generateCode()
  await storage.set('n:' + n, code)
  for (let i = 0; i < 5; i++) await storage.increment('sum:' + n)
  const kept = await storage.get('n:' + n)
  return { n, sum: (await storage.increment('sum:' + n, { by: 0 })).value, same: kept === code }
}`

/** As many of them at once as are asked for. */
export async function neighboursOf(engine: TestEngine, script: string, count: number): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => engine.post(`/${script}/live`, { n })))
}

/** What they all have to answer. */
export function fine(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({ status: 200, body: { n, sum: 5, same: true } }))
}
