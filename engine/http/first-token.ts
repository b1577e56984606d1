import { keepFile, readKeptFile } from '../kept-file.ts'
import { everyScope, type Tokens } from './tokens.ts'

/** The first token lies in a file beside the storage; one that the storage does not know is replaced. */
export async function keepFirstToken(folder: string, tokens: Tokens): Promise<void> {
  const kept = await readKeptFile(folder, 'token')
  if (kept !== undefined && tokens.find(kept) !== undefined) return
  const { token } = await tokens.create({ name: 'first', scopes: everyScope })
  await keepFile(folder, 'token', token)
}
