// The other side: the same parts of the engine without the sandbox. What the
// scripts do stands in handlers of Fastify, written by hand, behind the same
// token check, run id, body parser, storage, outbox and loopback carrier.

import { createCarriers } from '../engine/carriers/list.ts'
import { EngineError } from '../engine/errors.ts'
import { createServer } from '../engine/http/server.ts'
import { openTokens } from '../engine/http/tokens.ts'
import { newId } from '../engine/ids.ts'
import { createTexts, readLocales } from '../engine/locales.ts'
import { createHeartbeat } from '../engine/outbox/heartbeat.ts'
import { createOutbox } from '../engine/outbox/outbox.ts'
import type { Sandbox } from '../engine/sandbox/sandbox.ts'
import { createStandings } from '../engine/sandbox/standing.ts'
import { openStorage } from '../engine/storage/list.ts'
import { addFlows } from './by-hand.ts'
import { serve } from './serve.ts'

const noSandbox: Sandbox = {
  library: {
    get: () => undefined,
    find: async () => undefined,
    list: () => [],
    earlier: () => {
      throw new EngineError('not_found')
    },
    problems: () => [],
    put: () => Promise.reject(new EngineError('not_found')),
    versions: async () => [],
    activate: async () => undefined,
    remove: async () => false,
    close() {},
    leave() {},
  },
  kept: {
    note() {},
    before: () => undefined,
    inherit: async () => [],
    abandon: async () => false,
    mine: async () => undefined,
    own: async () => {},
    get: async () => undefined,
    forget: async () => {},
    over: async () => {},
    version: async () => undefined,
  },
  run: () => Promise.reject(new EngineError('not_found')),
  resume: () => Promise.reject(new EngineError('not_found')),
  history: () => [],
  counts: () => ({ running: 0, ended: [] }),
  setTexts() {},
  standings: createStandings(Date.now),
  stats: () => ({ replays: 0, repeats: 0, kills: 0, lanes: [] }),
  async stop() {},
}

await serve(async (config, { log, print }) => {
  const clock = Date.now
  const storage = await openStorage(config.storage, { secret: config.secret!, clock })
  const tokens = await openTokens(storage, clock, config.token)
  const texts = createTexts(await readLocales(config.localesFolder))
  const carriers = await createCarriers(config.carriers, { log, clock, print, callbackSecretOf: () => '' })
  const settings = { keepMs: config.engine.messageKeepDays * 86_400_000 }
  const heartbeat = createHeartbeat({ storage, engine: newId('eng'), log })
  await heartbeat.start()
  const outbox = createOutbox({ storage, carriers, heartbeat, clock, log, settings })
  const server = await createServer({
    heartbeat,
    storage,
    sandbox: noSandbox,
    outbox,
    carriers,
    publicUrl: undefined,
    tokens,
    texts: () => texts,
    loopback: undefined,
    ready: () => storage.ready(),
    log,
    clock,
  })
  addFlows(server, { storage, outbox, texts, log, clock })
  const url = await server.listen({ host: config.host, port: config.port })
  await outbox.start()
  return {
    url,
    storage,
    outbox,
    otherPids: () => [],
    async stop() {
      await server.close()
      await outbox.stop()
      await storage.close()
    },
  }
})
