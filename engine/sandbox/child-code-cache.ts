// What V8 made of the code that every isolate begins with, so that it is made
// once: half of what an isolate takes was reading the same text again.
//
// It is taken from a process that no script has been in yet: whoever writes it
// writes what all the others run.

import { constants, createContext, runInContext, Script } from 'node:vm'

import { guestText, shareBytes, type CodeCache, type ScriptIsolateParts } from './child-isolate.ts'

/**
 * V8's bytes for `ses` and `guest`, as JSON of their base64. The code is run as
 * an isolate would, in worlds that are thrown away: what has not run is not in them.
 */
export function makeCodeCache({
  ses,
  guest,
  settings,
}: Pick<ScriptIsolateParts, 'ses' | 'guest' | 'settings'>): string {
  const sesScript = new Script(ses)
  const guestScript = new Script(guestText(guest))
  for (const world of ['shared', 'run'] as const) {
    const context = createContext(constants.DONT_CONTEXTIFY)
    if (world === 'shared') sesScript.runInContext(context)
    const install = guestScript.runInContext(context) as (...parts: unknown[]) => (...turn: unknown[]) => void
    const factory: unknown = runInContext('(module => { module.exports = { default() {} } })', context)
    const enter = install(
      () => {},
      () => 'null',
      settings,
      factory,
      world,
    )
    enter('run', 0, 0, JSON.stringify({ start: { seed: '0'.repeat(64), action: 'default' } }))
  }
  const bytes = { ses: sesScript.createCachedData(), guest: guestScript.createCachedData() }
  return JSON.stringify({ ses: bytes.ses.toString('base64'), guest: bytes.guest.toString('base64') })
}

/** Once for all isolates of this process. V8 refuses what another Node, or other flags, have made; that does no harm. */
export function readCodeCache(text: string): CodeCache {
  const { ses, guest } = JSON.parse(text) as Record<keyof CodeCache, string>
  return { ses: shareBytes(Buffer.from(ses, 'base64')), guest: shareBytes(Buffer.from(guest, 'base64')) }
}
