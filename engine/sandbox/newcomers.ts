// Versions that are new here. Most harm is done at once: a version takes its
// first turns in the slow process while others live in the main one, so that
// only other newcomers have to notice.

import type { ScriptVersion } from '../library/script.ts'

export interface Newcomers {
  has(version: ScriptVersion): boolean
  /** A turn of the version was answered, and did not take long. */
  answered(version: ScriptVersion): void
}

/** `turns` that a version answers before it is none any more. */
export function createNewcomers(turns: number): Newcomers {
  const answeredBy = new WeakMap<ScriptVersion, number>()
  const of = (version: ScriptVersion): number => answeredBy.get(version) ?? 0
  return {
    has: version => of(version) < turns,
    answered(version) {
      const answered = of(version)
      if (answered < turns) answeredBy.set(version, answered + 1)
    },
  }
}
