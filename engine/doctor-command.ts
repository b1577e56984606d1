// `npm run doctor`: whether this configuration, and what it names, would do for
// an engine. One line for each; exit code 1 when the engine would not start.

import { loadConfig } from './config.ts'
import { StartError } from './errors.ts'
import { readKeptFile } from './kept-file.ts'
import { readLocales } from './locales.ts'
import { openStorage } from './storage/list.ts'

const tell = (word: 'ok' | 'warning' | 'wrong', what: string): void =>
  void process.stdout.write(`${word.padEnd(8)} ${what}\n`)

try {
  const config = loadConfig()
  tell('ok', 'settings')
  const languages = Object.keys(await readLocales(config.localesFolder)).length
  tell('ok', `texts in ${languages} languages`)
  const secret = config.secret ?? (await readKeptFile(config.dataFolder, 'secret'))
  const scheme = config.storage.slice(0, config.storage.indexOf(':'))
  if (secret === undefined) {
    tell('ok', `no secret yet: the first start makes one in ${config.dataFolder}, and opens the storage (${scheme})`)
  } else {
    const replicas = config.engine.redisWaitReplicas
    const storage = await openStorage(config.storage, { secret, clock: Date.now, replicas })
    try {
      await storage.ready()
      tell('ok', `storage (${scheme}) takes writes`)
      for (const advice of await storage.advice()) tell('warning', advice)
    } finally {
      await storage.close()
    }
  }
} catch (error) {
  const { message } = error as Error
  // The one that may have it has it.
  if (error instanceof StartError && message.endsWith('in use by another engine'))
    tell('ok', 'storage: an engine has it open')
  else fail(error)
}

function fail(error: unknown): void {
  tell('wrong', (error as Error).message)
  process.exitCode = 1
}
