// What V8 made of the code that every isolate begins with, so that it is made
// once: half of what an isolate takes was reading the same text again.
//
// It is taken from a process that no script has been in yet: whoever writes it
// writes what all the others run.

import { constants, createContext, runInContext, Script } from 'node:vm'

import { guestText, shareBytes, type CodeCache, type ScriptIsolateParts } from './child-isolate.ts'

/**
 * V8's bytes for `ses` and `guest`, as JSON of their base64; undefined where it
 * comes to nothing. The code is run as an isolate would, in worlds that are
 * thrown away: what has not run is not in them.
 */
export function makeCodeCache(parts: Pick<ScriptIsolateParts, 'ses' | 'guest' | 'settings'>): string | undefined {
  try {
    const scripts = { ses: new Script(parts.ses), guest: new Script(guestText(parts.guest)) }
    for (const world of ['shared', 'run'] as const) tryOut(scripts, parts.settings, world)
    const bytes = (script: Script): string => script.createCachedData().toString('base64')
    return JSON.stringify({ ses: bytes(scripts.ses), guest: bytes(scripts.guest) })
  } catch {
    return undefined
  }
}

function tryOut(scripts: Record<'ses' | 'guest', Script>, settings: string, world: 'shared' | 'run'): void {
  // With promises of its own: they settle when a script has run, as nothing else would let them here.
  const context = createContext(constants.DONT_CONTEXTIFY, { microtaskMode: 'afterEvaluate' })
  if (world === 'shared') scripts.ses.runInContext(context)
  const install = scripts.guest.runInContext(context) as (...parts: unknown[]) => (...turn: unknown[]) => void
  const factory: unknown = runInContext('(module => { module.exports = { default() {} } })', context)
  // No property of the world, so it outlives the hardening.
  const held = runInContext('const held = {}; held', context) as { turn?: () => void }
  const enter = install(
    () => {},
    () => 'null',
    settings,
    factory,
    world,
  )
  held.turn = () => enter('run', 0, 0, JSON.stringify({ start: { seed: '0'.repeat(64), action: 'default' } }))
  runInContext('held.turn()', context)
}

/** Once for all isolates of this process. V8 refuses what another Node, or other flags, have made; that does no harm. */
export function readCodeCache(text: string): CodeCache {
  const { ses, guest } = JSON.parse(text) as Record<keyof CodeCache, string>
  return { ses: shareBytes(Buffer.from(ses, 'base64')), guest: shareBytes(Buffer.from(guest, 'base64')) }
}
