// The steps that Redis does as one: each a file of lua/, which says at its head
// what it takes and answers. Those on an entry or on work begin with the file
// that knows how one is written.

import { readFileSync } from 'node:fs'

const preludes = { entry: 'entry', index: undefined, name: undefined, work: 'work' } as const

export const scriptNames = [
  'entry-set',
  'entry-delete',
  'entry-increment',
  'entry-replace',
  'index-add',
  'index-remove',
  'work-schedule',
  'work-peek',
  'work-claim',
  'work-settle',
  'work-delete',
  'work-orphans',
  'work-waiting',
  'name-add',
] as const
export type ScriptName = (typeof scriptNames)[number]

/** The Lua of each script, whole. */
export function readScripts(): Array<{ name: ScriptName; lua: string }> {
  const read = (name: string): string => readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8')
  return scriptNames.map(name => {
    const kind = name.slice(0, name.indexOf('-')) as keyof typeof preludes
    const prelude = preludes[kind]
    if (prelude === undefined) return { name, lua: read(name) }
    const body = kind === 'entry' ? read('once').replace('-- body --', () => read(name)) : read(name)
    return { name, lua: `${read(prelude)}\n${body}` }
  })
}
