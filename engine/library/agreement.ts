// A version becomes active on all engines, or on none.
//
// It is offered first: every engine that lives loads it, as it would have to
// run, and says what keeps it from that. When all can use it, one write makes
// it active, and all see that write within a second.

import { setTimeout as wait } from 'node:timers/promises'

import { newId } from '../ids.ts'
import type { Offer, Records, ScriptRecord } from './records.ts'
import { ScriptProblems, type ScriptProblem } from './script.ts'

export interface AgreementParts {
  records: Records
  /** Of this one. */
  engine: string
  /** The engines that live, this one among them. */
  living: () => Promise<readonly string[]>
  /** Where a script is, for problems that are not in its text. */
  problemOf(name: string, message: string): ScriptProblem
}

export interface Agreement {
  /**
   * Resolves with the record once the version, which is kept already, is active
   * everywhere; null removes the script. Throws ScriptProblems when an engine
   * cannot use it, or does not answer.
   */
  reach(name: string, hash: string | null): Promise<ScriptRecord>
}

const lookEveryMs = 40
const againMs = 500
const nothing: ScriptRecord = { change: '', active: null }
/** An engine that is held up for longer is dead, or will be taken for dead. */
const longestMs = 10_000

export function createAgreement({ records, engine, living, problemOf }: AgreementParts): Agreement {
  async function reach(name: string, hash: string | null): Promise<ScriptRecord> {
    const rivals = new Map<string, number>()
    for (;;) {
      const { record = nothing, version } = await records.get(name)
      const { offer: rival, ...plain } = record
      if (rival !== undefined && rival.by !== engine && (await isUnderWay(rival, rivals))) {
        await wait(lookEveryMs)
        continue
      }
      if (record.active === hash) {
        if (rival !== undefined && !(await records.replace(name, version, plain))) continue
        return plain
      }
      const next = { change: newId('chg'), active: hash }
      if (hash === null) {
        if (await records.replace(name, version, next)) return next
        continue
      }
      const offer = { id: newId('off'), hash, by: engine }
      if (!(await records.replace(name, version, { ...plain, offer }))) continue
      const problems = await problemsOf(name, offer).catch((error: unknown) => {
        void takeBack(name, offer)
        throw error
      })
      const now = await records.get(name)
      // Somebody has taken this engine for dead.
      if (now.record?.offer?.id !== offer.id) continue
      if (problems.length > 0) {
        await records.replace(name, now.version, plain)
        throw new ScriptProblems(problems)
      }
      if (await records.replace(name, now.version, next)) return next
    }
  }

  /** Nobody is to wait for it, as soon as the storage takes that. */
  async function takeBack(name: string, { id }: Offer): Promise<void> {
    for (
      const until = performance.now() + longestMs;
      performance.now() < until;
      await wait(againMs, undefined, { ref: false })
    )
      try {
        const { record, version } = await records.get(name)
        if (record?.offer?.id !== id) return
        const { offer: _offer, ...plain } = record
        if (await records.replace(name, version, plain)) return
      } catch {
        // Then it counts for as long as an engine may be held up.
      }
  }

  /** Whether somebody may still be collecting votes for it. */
  async function isUnderWay({ id, by }: Offer, seen: Map<string, number>): Promise<boolean> {
    if (!seen.has(id)) seen.set(id, performance.now())
    return performance.now() - seen.get(id)! < longestMs && (await living()).includes(by)
  }

  /** What the first engine says that cannot use it. */
  async function problemsOf(name: string, { id }: Offer): Promise<ScriptProblem[]> {
    const until = performance.now() + longestMs
    for (;;) {
      const votes = await records.votes(name, id)
      for (const [by, problems] of votes)
        if (problems.length > 0) return problems.map(one => ({ ...one, message: `${one.message} (on ${by})` }))
      const missing = (await living()).filter(other => other !== engine && !votes.has(other))
      if (missing.length === 0) return []
      if (performance.now() > until)
        return [problemOf(name, `${missing[0]} has not answered in ${longestMs / 1_000} s whether it can use this`)]
      await wait(lookEveryMs)
    }
  }

  return { reach }
}
