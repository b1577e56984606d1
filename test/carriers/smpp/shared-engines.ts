// Engines over one Redis that have one SMPP carrier between them.

import { surroundings } from '../../engines-redis.ts'
import { createTestEngine, newFolder, type TestEngine } from '../../helpers.ts'
import { furnish, startEngine, type EngineProcess } from '../../http/engine-process.ts'
import type { NpmSmsc } from './npm-smsc.ts'

export interface SharedEngines {
  config: Record<string, unknown>
  environment: Record<string, string>
  /** Another engine, in this process. */
  start(): Promise<TestEngine>
  /** Another engine, in a process of its own. */
  spawn(): Promise<EngineProcess>
}

/** A carrier `main`, and one that would take what `main` does not. */
export function shareCarrier(storage: string, smsc: NpmSmsc, settings: object = {}): SharedEngines {
  const url = `smpp://user:secret@127.0.0.1:${smsc.port}`
  const main = { driver: 'smpp', url, reconnectMs: 20, refusedMs: 20, ...settings }
  const backup = { driver: 'loopback' }
  const config = { carriers: { main, backup }, engine: { scriptMessages: 500, scriptHostCalls: 500 } }
  const environment = surroundings(storage)
  return {
    config,
    environment,
    start: () => createTestEngine({ files: { 'many.ts': many, 'code.ts': code }, config, environment }),
    async spawn() {
      const folder = await newFolder()
      await furnish(folder, { 'many.ts': many, 'code.ts': code }, config)
      const engine = startEngine(folder, environment)
      await engine.url()
      return engine
    },
  }
}

const many = `export default async ({ count }) =>
  Promise.all(Array.from({ length: count }, (_, n) =>
    sendSms({ to: '+1201' + String(2000000 + n), text: 'message ' + n, priority: 'bulk' })))
    .then(sent => sent.map(({ id }) => id))`

const code = `export default async () => sendSms({ to: '+12015550123', text: 'Your code is 483920' })`

/** The carrier `main` as an engine shows it. */
// oxlint-disable-next-line typescript/no-explicit-any
export async function mainOf(engine: TestEngine): Promise<any> {
  const { body } = await engine.get('/admin/carriers')
  return body.carriers[0]
}

/** How many sessions an engine has itself. */
export async function sessionsOf(engine: TestEngine): Promise<number> {
  const { sessions } = await mainOf(engine)
  return (sessions as Array<{ state: string }>).filter(({ state }) => state === 'transceiver bound').length
}
