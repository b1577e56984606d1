// Starts the engine, tells where it listens, and stops it on a signal.

import { relative } from 'node:path'

import { loadConfig } from './config.ts'
import { createEngine, type Engine } from './engine.ts'
import { StartError } from './errors.ts'
import { createLog, type Log } from './log.ts'
import { startPatiently } from './patience.ts'

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
  // Before anybody can know that the engine is there: whoever reads "listens" may stop it at once.
  const asked = new Promise<NodeJS.Signals>(stop => {
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  const engine = await startPatiently(() => createEngine(config, { log, print }), { log, stop: asked })
  if (engine === undefined) return endStart(log)
  void asked.then(signal => stopEngine(engine, signal, log))

  const tokenFile = relative(process.cwd(), `${config.dataFolder}/token`)
  const token = config.token === undefined ? `$(cat ${quoted(tokenFile)})` : '$PATCHCORD_TOKEN'
  process.stdout.write(
    `Patchcord listens on ${engine.url}\n` +
      `Try it:\n  curl -s ${engine.url}/otp -H "Authorization: Bearer ${token}" -H 'Content-Type: application/json' ` +
      `-d '{"number":"12125551212","language":"en"}'\n`,
  )
}

/** It was told to stop while it waited for its storage. */
function endStart(log: Log): never {
  log.info('stopped')
  log.flush()
  process.exit(0)
}

async function stopEngine(engine: Engine, signal: NodeJS.Signals, log: Log): Promise<void> {
  log.info({ signal }, 'stopping')
  let code = 0
  try {
    await engine.stop()
    log.info('stopped')
  } catch (error) {
    log.error({ error: (error as Error).message }, 'the stop was not clean')
    code = 1
  }
  log.flush()
  process.exit(code)
}

/** As a shell takes it, inside double quotes too. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
