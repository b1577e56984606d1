// A long SMS comes as parts, in any order and perhaps twice: they are collected
// in one piece of work, and become one SMS when they are all there, or when
// what is missing has had its time.
//
// An item lives through `collecting` → `done`; done ones still know their parts
// for a while, so that one that the network delivers again is not the first of
// a new SMS. A reference that is used anew begins a new collection in the same
// item, which knows the parts of those before it, so that one of theirs that
// comes again is not taken for one of its own.

import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'

import type { InboundSms } from '../carriers/carrier.ts'
import { EngineError } from '../errors.ts'
import { derivedId, newId } from '../ids.ts'
import type { Log } from '../log.ts'
import type { Storage, WorkChange, WorkItem } from '../storage/storage.ts'
import { createDueLoop, type DueLoop } from './due-loop.ts'

type Part = NonNullable<InboundSms['part']>
type Sms = Pick<InboundSms, 'from' | 'to' | 'text'> & { carrier: string }

export interface SmsPartsParts {
  storage: Storage
  queue: string
  engine: string
  clock: () => number
  log: Log
  partsWithinMs: number
  /** How long a part that has an id of the network's is known. */
  knownMs: number
  /** Of the run that an SMS begins, by its id here. */
  runId(id: string): string
  /** Takes the whole SMS, once for each id however often it is called; resolves when it is durable. */
  store(id: string, sms: Sms): Promise<void>
}

export interface SmsParts {
  /** Resolves once the part is stored; with the run's id when none is missing. `id` is the network's own. */
  receive(sms: Sms, part: Part, id: string | undefined): Promise<string | undefined>
  start(): void
  stop(): void
}

/** The body of an item. */
interface Collection {
  /** Which the whole SMS will have. */
  id: string
  carrier: string
  from: string
  to: string
  total: number
  /** By number. `mark` is the same for the same part; the text goes when it is done. */
  parts: Record<string, { mark: string; named: boolean; text: string }>
  /** Those before it with its reference, the newest first. */
  earlier?: EarlierSms[]
  /** By number: what is an earlier one's, or has the very text of it. It counts where nothing else comes in its place. */
  doubtful?: Record<string, string>
}

/** A done one, as far as it has to be known: `marks` by number, until that time. */
interface EarlierSms {
  id: string
  until: number
  marks: Record<string, string>
}

const lane = 'parts'
const missing = '…'
const mostEarlier = 4
const lookAgainMs = 50
/** An item that is being closed is free again in a moment, or its engine has died. */
const mostLooks = 60

export function createSmsParts(parts: SmsPartsParts): SmsParts {
  const { storage, queue, engine, clock, log, partsWithinMs, knownMs, runId, store } = parts
  const { work, ahead } = storage
  const loop: DueLoop = createDueLoop<WorkItem>({
    what: 'parts of an SMS',
    claim: limit => work.claim(queue, lane, { owner: engine, now: clock(), limit }),
    nextDue: () => work.nextDue(queue, lane),
    handle: item => loop.persist(item.id, () => close(item)),
    shared: storage.shared,
    clock,
    log,
  })

  // As often as it is needed: the SMS is stored once, and the item is done once.
  async function close(item: WorkItem): Promise<void> {
    const collection = JSON.parse(item.body) as Collection
    const { doubtful, ...kept } = collection
    const { id, carrier, from, to, total } = kept
    const numbers = Array.from({ length: total }, (_, index) => index + 1)
    const text = numbers.map(number => kept.parts[number]?.text ?? doubtful?.[number] ?? missing).join('')
    await store(id, { carrier, from, to, text })
    const got = Object.entries(kept.parts)
    const known = Object.fromEntries(got.map(([number, part]) => [number, { ...part, text: '' }]))
    const change: WorkChange = {
      state: 'done',
      dueAt: null,
      body: JSON.stringify({ ...kept, parts: known } satisfies Collection),
      // Without the network's word for it, the same text under the same reference is the same part only for as long as parts may come.
      expiresAt: clock() + (got.some(([, { named }]) => named) ? knownMs : partsWithinMs),
    }
    await work.settle(queue, item.id, change, { version: item.version })
  }

  async function receive(sms: Sms, part: Part, networkId: string | undefined): Promise<string | undefined> {
    const { carrier, from, to, text } = sms
    const itemId = derivedId('part', JSON.stringify([carrier, from, to, part.reference, part.total]))
    const mine = { mark: markOf(networkId, text), named: networkId !== undefined, text }

    for (let looks = 0; looks < mostLooks;) {
      const item = await ahead.work.get(queue, itemId)
      const before = item && (JSON.parse(item.body) as Collection)
      const begun = before?.parts[part.number]
      if (before !== undefined && begun?.mark === mine.mark) return answer(before, item?.state === 'done')

      const isCollecting = item?.state === 'collecting'
      const again = before?.earlier?.find(({ marks, until }) => marks[part.number] === mine.mark && until > clock())
      if (again !== undefined) {
        // By its text alone it may as well be this one's.
        const isDoubtful = isCollecting && item.owner === null && begun === undefined && !mine.named
        const collection = { ...before!, doubtful: { ...before!.doubtful, [part.number]: text } }
        if (isDoubtful && !(await write(itemId, item, collection))) continue
        await ahead.kept()
        return runId(again.id)
      }
      if (isCollecting && (item.owner !== null || begun !== undefined)) {
        // Another SMS with the same reference has to leave first, with what there is of it.
        if (item.owner === null && begun !== undefined) await makeDue(item)
        looks++
        await wait(lookAgainMs)
        continue
      }
      const collection: Collection = isCollecting
        ? { ...before!, parts: { ...before!.parts, [part.number]: mine } }
        : {
            id: newId('sms'),
            carrier,
            from,
            to,
            total: part.total,
            parts: { [part.number]: mine },
            ...following(item, before),
          }
      if (await write(itemId, item, collection)) return answer(collection, false)
    }
    throw new EngineError('overloaded', { retryAfter: 1 })
  }

  /** What a new collection has to know of the done one that it follows. */
  function following(item: WorkItem | undefined, done: Collection | undefined): Pick<Collection, 'earlier'> {
    if (item === undefined || done === undefined) return {}
    const marks = Object.fromEntries(Object.entries(done.parts).map(([number, { mark }]) => [number, mark]))
    const all = [{ id: done.id, until: item.expiresAt ?? 0, marks }, ...(done.earlier ?? [])]
    return { earlier: all.filter(({ until }) => until > clock()).slice(0, mostEarlier) }
  }

  /** False when somebody else was faster. */
  async function write(id: string, item: WorkItem | undefined, collection: Collection): Promise<boolean> {
    const since = item?.state === 'collecting' ? item.dueAt! : clock() + partsWithinMs
    const dueAt = isWhole(collection) ? clock() : since
    const change = { state: 'collecting', dueAt, body: JSON.stringify(collection), expiresAt: null }
    const written =
      item === undefined
        ? ahead.work.schedule({ ...change, queue, id, lane, priority: 0, tags: { number: collection.from } })
        : ahead.work.settle(queue, id, change, { version: item.version })
    if (!(await written)) return false
    loop.wake(dueAt)
    return true
  }

  async function makeDue({ id, version }: WorkItem): Promise<void> {
    await ahead.work.settle(queue, id, { dueAt: clock() }, { version })
    loop.wake(clock())
  }

  // What it rests on may have been written a moment ago, ahead of the disk.
  async function answer(collection: Collection, isDone: boolean): Promise<string | undefined> {
    await ahead.kept()
    return isDone || isWhole(collection) ? runId(collection.id) : undefined
  }

  return {
    receive,
    start: () => loop.wake(clock()),
    stop: loop.stop,
  }
}

function isWhole({ parts, total }: Collection): boolean {
  return Object.keys(parts).length === total
}

function markOf(networkId: string | undefined, text: string): string {
  return createHash('sha256')
    .update(JSON.stringify([networkId ?? null, networkId === undefined ? text : null]))
    .digest('base64url')
}
