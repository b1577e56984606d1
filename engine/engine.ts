// Builds every part once, in the order in which a message flows, and takes them
// down in the order in which promises end.

import { hostname } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'

import { callbackUrl, createCarriers } from './carriers/list.ts'
import { isLoopback } from './carriers/loopback.ts'
import type { Config } from './config.ts'
import { loadCountryOf } from './country.ts'
import { EngineError } from './errors.ts'
import { lookAtFolder, watchFolder } from './folder-watch.ts'
import { createServer } from './http/server.ts'
import { keepFirstToken } from './http/first-token.ts'
import { openTokens, type Tokens } from './http/tokens.ts'
import { newId } from './ids.ts'
import { deriveSecret, keepFile, newSecret, readKeptFile } from './kept-file.ts'
import { listen } from './listen.ts'
import { createTexts, readLocales } from './locales.ts'
import type { Log } from './log.ts'
import { createHeartbeat } from './outbox/heartbeat.ts'
import { createOutbox, type Outbox } from './outbox/outbox.ts'
import { createSandbox, type Sandbox } from './sandbox/sandbox.ts'
import { findUser } from './sandbox/walls.ts'
import { defaultRunLimits, type SandboxLimits } from './sandbox/limits.ts'
import { openStorage } from './storage/list.ts'
import type { Storage } from './storage/storage.ts'
import { createReportTrigger } from './triggers/delivery-report.ts'
import { createInboundTrigger } from './triggers/inbound-sms.ts'
import { createTimerTrigger } from './triggers/timer.ts'

export interface Engine {
  /** `http://127.0.0.1:8080`, as it really listens. */
  readonly url: string
  readonly server: FastifyInstance
  readonly storage: Storage
  readonly outbox: Outbox
  readonly sandbox: Sandbox
  readonly tokens: Tokens
  /** In-flight requests end, running runs get 8 s at most, the outbox is left consistent. */
  stop(): Promise<void>
}

export interface EngineSurroundings {
  log: Log
  clock?: () => number
  /** Where the loopback carrier prints. */
  print: (line: string) => void
  sandboxLimits?: Partial<SandboxLimits>
}

/** More files than scripts, changed less often. */
const textsLookEveryMs = 800
// Together less than the 10 s after which a stop counts as failed; draining is part of the first.
const runsEndWithinMs = 8_000
const answersLeaveWithinMs = 250
const submitsEndWithinMs = 1_500
/** Of the runs that a script may have at once: timers, reports and inbound SMS take at most a quarter each, the rest is for requests. */
const eventShare = 4

export async function createEngine(
  config: Config,
  { log, clock = Date.now, print, sandboxLimits }: EngineSurroundings,
): Promise<Engine> {
  const engine = newId('eng')
  const undo: Array<() => unknown> = []
  try {
    // What operators wrote is read first: a mistake in it leaves nothing behind.
    const textsSeen = await lookAtFolder(config.localesFolder)
    let resources = await readLocales(config.localesFolder)
    let texts = createTexts(resources)
    const kept = config.secret ?? (await readKeptFile(config.dataFolder, 'secret'))
    const secret = kept ?? newSecret()
    // With or without a slash at its end it is the same address.
    const publicUrl = config.engine.publicUrl?.replace(/\/+$/, '')
    const carriers = await createCarriers(config.carriers, {
      log,
      clock,
      print,
      publicUrl,
      callbackSecretOf: name => deriveSecret(secret, `callback ${name}`),
    })

    if (kept === undefined) await keepFile(config.dataFolder, 'secret', secret)
    const storage = await openStorage(config.storage, { secret, clock, replicas: config.engine.redisWaitReplicas })
    undo.push(() => storage.close())
    // Before it owns anything: what an engine that does not beat owns belongs to all.
    const heartbeat = createHeartbeat({ storage, engine, log })
    undo.unshift(() => heartbeat.stop())
    await heartbeat.start()
    const tokens = await openTokens(storage, clock, config.token)
    undo.unshift(() => tokens.close())
    if (config.token === undefined) await keepFirstToken(config.dataFolder, tokens)

    const hearsReports = (script: string): boolean => sandbox.library.get(script)?.exports.has('onReport') === true
    const outbox: Outbox = createOutbox({
      storage,
      carriers,
      heartbeat,
      clock,
      log,
      routes: config.routes,
      ...(config.routes?.some(({ country }) => country !== undefined) && { countryOf: await loadCountryOf() }),
      hearsReports,
      callbackUrl: ({ name, callbacks }) =>
        callbacks === undefined ? null : callbackUrl(publicUrl, name, callbacks.secret),
      testNumbers: config.testNumbers,
      onChange: ({ script }) => (hearsReports(script) ? reports.wake(clock()) : undefined),
      onInbound: (carrier, sms) => inbound.receive(carrier, sms),
      settings: { keepMs: config.engine.messageKeepDays * 86_400_000, stopWithinMs: submitsEndWithinMs },
    })
    const atOnce = Math.max(1, Math.floor(config.engine.scriptRunsAtOnce / eventShare))
    const triggered = { storage, sandbox: () => sandbox, atOnce, engine, clock, log }
    const timers = createTimerTrigger(triggered)
    const inbound = createInboundTrigger({ ...triggered, bindings: config.inbound })
    const reports = createReportTrigger({ ...triggered, source: outbox.reports, shared: storage.shared })
    const triggers = [timers, inbound, reports]
    const sandbox: Sandbox = await createSandbox({
      folder: config.scriptsFolder,
      texts: resources,
      testNumbers: config.testNumbers,
      settingsOf: name => ({
        countries: config.scripts[name]?.countries ?? ['*'],
        memoryMb: config.scripts[name]?.memoryMb ?? config.engine.scriptMemoryMb,
        isolation: config.scripts[name]?.isolation ?? 'shared',
      }),
      runLimits: {
        ...defaultRunLimits,
        wallMs: config.engine.scriptWallMs,
        cpuMs: config.engine.scriptCpuMs,
        hostCalls: config.engine.scriptHostCalls,
        messages: config.engine.scriptMessages,
        runsAtOnce: config.engine.scriptRunsAtOnce,
      },
      sandboxLimits: {
        processMemoryMb: config.engine.sandboxMemoryMb,
        dataMb: config.engine.sandboxDataMb,
        user: findUser(config.engine.sandboxUser),
        ...sandboxLimits,
      },
      primitiveParts: { storage, outbox, timers, clock },
      engine,
      living: heartbeat.living,
      place: `${hostname()}:${config.scriptsFolder}`,
      log,
    })
    undo.unshift(() => sandbox.stop(0))

    let draining = false
    const server = await createServer({
      heartbeat,
      storage,
      sandbox,
      outbox,
      carriers,
      publicUrl,
      tokens,
      texts: () => texts,
      loopback: carriers.length === 1 ? carriers.find(isLoopback) : undefined,
      async ready() {
        if (draining) throw new EngineError('overloaded', { retryAfter: 1 })
        await storage.ready()
        if (!outbox.ready()) throw new EngineError('overloaded', { retryAfter: 1 })
      },
      log,
      clock,
    })
    undo.unshift(() => server.close())
    const url = await listen(server, config)
    undo.unshift(() => outbox.stop())
    await outbox.start()
    for (const trigger of triggers) {
      undo.unshift(() => trigger.stop())
      trigger.start()
      await heartbeat.onDeaths(trigger.takeOver)
    }
    warn(config, sandbox, log)
    for (const advice of await storage.advice()) log.warn(`PATCHCORD_STORAGE: ${advice}`)

    const stopWatching = watchFolder(config.localesFolder, textsLookEveryMs, textsSeen, async () => {
      try {
        resources = await readLocales(config.localesFolder, {
          resources,
          report: problem => log.error(`texts not loaded: ${problem}`),
        })
        texts = createTexts(resources)
        sandbox.setTexts(resources)
        log.info({ languages: texts.languages.length }, 'texts loaded')
      } catch (error) {
        log.error(`texts not loaded: ${(error as Error).message}`)
      }
    })

    return {
      url,
      server,
      storage,
      outbox,
      sandbox,
      tokens,
      async stop() {
        stopWatching()
        tokens.close()
        for (const trigger of triggers) trigger.stop()
        const deadline = performance.now() + runsEndWithinMs
        // A balancer is to hear of it before anybody is refused.
        draining = true
        await wait(config.engine.drainMs)
        // Takes no new request from here on, and ends when the last one is answered.
        const closed = server.close()
        await Promise.race([closed, wait(Math.max(0, deadline - performance.now()), undefined, { ref: false })])
        await sandbox.stop(Math.max(0, deadline - performance.now()))
        // Every run has its answer; a request that has not come whole by now never becomes one.
        const cutOff = setTimeout(() => server.server.closeAllConnections(), answersLeaveWithinMs)
        await closed
        clearTimeout(cutOff)
        await outbox.stop()
        await heartbeat.stop()
        await storage.close()
      },
    }
  } catch (error) {
    for (const step of undo) await step()
    throw error
  }
}

function warn({ testNumbers, carriers, scripts, inbound }: Config, { library }: Sandbox, log: Log): void {
  log.info('no rate limits and no shield are built in yet: PATCHCORD_LIMITS and PATCHCORD_SHIELD have no effect')
  const real = Object.entries(carriers).some(([, { driver }]) => driver !== 'loopback')
  if (real && Object.keys(testNumbers).length > 0)
    log.warn('testNumbers: fixed codes are configured beside a real carrier')
  // Scripts come and go while the engine runs, so a name without one stops nothing.
  const named = [
    ...Object.keys(scripts).map(name => ({ setting: `scripts.${name}`, name })),
    ...inbound.map(({ script }, index) => ({ setting: `inbound.${index}.script`, name: script })),
  ]
  for (const { setting, name } of named)
    if (library.get(name) === undefined) log.warn(`${setting}: there is no script "${name}" now`)
}
