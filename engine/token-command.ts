// `npm run token`: makes an API token, through the running engine if one
// listens, else directly in the storage. The token is the last line of stdout.

import { parseArgs } from 'node:util'

import { loadConfig, type Config } from './config.ts'
import { EngineError, StartError } from './errors.ts'
import { openTokens, type NewToken } from './http/tokens.ts'
import { keepFile, readKeptFile } from './kept-file.ts'
import { openStorage } from './storage/list.ts'

const usage = 'npm run token -- --name x --scopes run:otp[,…] [--app a] [--brand b]'

const answersWithinMs = 5_000

interface MadeToken {
  id: string
  name: string
  app: string
  scopes: string[]
  token: string
}

try {
  const wanted = readArguments(process.argv.slice(2))
  const config = loadConfig()
  const made = (await askEngine(config, wanted)) ?? (await makeInStorage(config, wanted))
  process.stdout.write(`${made.name} (${made.id}): ${made.scopes.join(', ')}; app ${made.app}\n${made.token}\n`)
} catch (error) {
  process.stderr.write(`patchcord: ${tell(error)}\n`)
  process.exitCode = 1
}

function readArguments(args: string[]): NewToken {
  const text = { type: 'string' } as const
  let values: Partial<Record<'name' | 'scopes' | 'app' | 'brand', string>>
  try {
    values = parseArgs({ args, options: { name: text, scopes: text, app: text, brand: text } }).values
  } catch (error) {
    throw new StartError(`${(error as Error).message.split(/[.\n]/)[0]}; usage: ${usage}`)
  }
  const { name, scopes, app, brand } = values
  if (name === undefined) throw new StartError(`--name is missing; usage: ${usage}`)
  if (scopes === undefined) throw new StartError(`--scopes is missing; usage: ${usage}`)
  const list = scopes.split(',').map(scope => scope.trim())
  return { name, scopes: list.filter(scope => scope !== ''), app, brand }
}

/** Undefined when no engine of this storage answers there. */
async function askEngine(config: Config, wanted: NewToken): Promise<MadeToken | undefined> {
  const token = config.token ?? (await readKeptFile(config.dataFolder, 'token'))
  if (token === undefined || config.port === 0) return undefined
  const answer = await fetch(`${addressOf(config)}/admin/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
    // Something else may listen there, and never say a word.
    signal: AbortSignal.timeout(answersWithinMs),
  }).catch(() => undefined)
  const body: unknown = await answer?.json().catch(() => undefined)
  if (answer?.status === 201) return body as MadeToken
  const { code, errors } = (body ?? {}) as { code?: unknown; errors?: unknown }
  if (code === 'invalid_request') throw new EngineError(code, { errors })
  // Whatever answered there, it does not know our token: it works on another storage, if it is an engine at all.
  return undefined
}

async function makeInStorage(config: Config, wanted: NewToken): Promise<MadeToken> {
  const secret = config.secret ?? (await keepFile(config.dataFolder, 'secret'))
  const storage = await openStorage(config.storage, { secret, clock: Date.now }).catch((error: Error) => {
    if (!error.message.includes('in use by another engine')) throw error
    throw new StartError(
      `an engine has the storage open, but it does not answer on ${addressOf(config)} with this token: ` +
        `set PATCHCORD_HOST, PATCHCORD_PORT and PATCHCORD_TOKEN as they are set for that engine`,
      { cause: error },
    )
  })
  try {
    return await (await openTokens(storage, Date.now)).create(wanted)
  } finally {
    await storage.close()
  }
}

/** Where to reach an engine that listens like this: an address for all interfaces is none to connect to. */
function addressOf({ host, port }: Config): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

function tell(error: unknown): string {
  if (error instanceof StartError) return error.message
  if (!(error instanceof EngineError)) return String((error as Error).stack)
  const { errors } = error.facts as { errors?: Array<{ field: string; problem: string }> }
  return errors?.map(({ field, problem }) => `${field} ${problem}`).join('; ') ?? error.message
}
