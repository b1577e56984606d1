// Small secrets in files beside the storage, readable by their owner only.

import { createHmac, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { StartError } from './errors.ts'

/** What the file holds, without its line end; undefined when there is none. */
export async function readKeptFile(folder: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(folder, name, error)
  }
}

/** 32 random bytes as text. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** 32 characters for a purpose: the same for the same secret, and no way back to it. */
export function deriveSecret(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(`patchcord ${purpose}`).digest('base64url').slice(0, 32)
}

/** Writes `text`; without one, keeps what is there or makes a new secret. Answers what the file holds. */
export async function keepFile(folder: string, name: string, text?: string): Promise<string> {
  const known = text === undefined ? await readKeptFile(folder, name) : undefined
  if (known !== undefined) return known
  const made = text ?? newSecret()
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // Whole or not at all: a torn secret would lock us out of our own data.
    const draft = join(folder, `.${name}.${process.pid}`)
    await writeFile(draft, `${made}\n`, { mode: 0o600, flush: true })
    await rename(draft, join(folder, name))
  } catch (error) {
    throw unusable(folder, name, error)
  }
  return made
}

function unusable(folder: string, name: string, error: unknown): StartError {
  return new StartError(
    `${join(folder, name)}: cannot be used (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`,
    { cause: error },
  )
}
