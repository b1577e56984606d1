// Starts the engine, tells where it listens, and stops it on a signal.

import { relative } from 'node:path'

import { loadConfig } from './config.ts'
import { createEngine } from './engine.ts'
import { StartError } from './errors.ts'
import { createLog } from './log.ts'

/** Ends the process with code 1 and one line when the engine cannot start. */
export async function start(): Promise<void> {
  process.title = 'patchcord'
  try {
    await run()
  } catch (error) {
    process.stderr.write(`patchcord: ${error instanceof StartError ? error.message : String((error as Error).stack)}\n`)
    process.exit(1)
  }
}

async function run(): Promise<void> {
  // Whoever read what we print may go (`npm start | head`), or its disk fill up: that ends no service.
  process.stdout.on('error', () => {})
  const config = loadConfig()
  const log = createLog(config.log)
  const engine = await createEngine(config, { log, print: line => process.stdout.write(`${line}\n`) })

  const tokenFile = relative(process.cwd(), `${config.dataFolder}/token`)
  const token = config.token === undefined ? `$(cat ${quoted(tokenFile)})` : '$PATCHCORD_TOKEN'
  process.stdout.write(
    `Patchcord listens on ${engine.url}\n` +
      `Try it:\n  curl -s ${engine.url}/otp -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' ` +
      `-d '{"number":"12125551212","language":"en"}'\n`,
  )

  let stopping = false
  const stop = (signal: string): void => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    engine.stop().then(
      () => {
        log.info('stopped')
        log.flush()
        process.exit(0)
      },
      (error: unknown) => {
        log.error({ error: (error as Error).message }, 'the stop was not clean')
        log.flush()
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** As a shell takes it, inside double quotes too. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
