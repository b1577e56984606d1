import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StartError } from '../../engine/errors.ts'
import { openStorage } from '../../engine/storage/list.ts'
import { openSqlite } from '../../engine/storage/sqlite.ts'
import type { NewWork } from '../../engine/storage/storage.ts'
import { storageContract } from './contract.ts'

const secret = 'a secret of thirty-two characters'
const otherSecret = 'a secret of another engine, as long'
const newFolder = () => mkdtempSync(join(tmpdir(), 'patchcord-storage-'))

storageContract('sqlite', async clock => {
  const folder = newFolder()
  const storage = openSqlite({ path: join(folder, 'test.db'), secret, clock })
  return {
    storage,
    async remove() {
      await storage.close()
      rmSync(folder, { recursive: true })
    },
  }
})

let folder: string
let path: string
let now: number
const clock = () => now
const open = (options: { path?: string; secret?: string } = {}) => openSqlite({ path, secret, clock, ...options })

beforeEach(() => {
  folder = newFolder()
  path = join(folder, 'data', 'patchcord.db')
  now = 1_800_000_000_000
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The one line of the StartError that `start` throws. */
function startError(start: () => unknown): string {
  try {
    start()
  } catch (error) {
    if (error instanceof StartError) return error.message
    throw error
  }
  throw new Error('it started')
}

const work = (id: string, item: Partial<NewWork> = {}): NewWork => ({
  queue: 'messages',
  id,
  lane: 'main',
  priority: 0,
  dueAt: now,
  state: 'queued',
  tags: {},
  body: 'body',
  expiresAt: null,
  ...item,
})

describe('the file', () => {
  test('keeps everything over a restart', async () => {
    const first = open()
    await first.entries.set('s', 'a', 'text', { ttlMs: 5000 })
    await first.entries.increment('s', 'n', { by: 7 })
    await first.work.schedule(work('m1', { tags: { number: '+12015550123' } }))
    await first.work.claim('messages', 'main', { owner: 'first', now, limit: 1 })
    const before = await first.entries.get('s', 'a')
    await first.close()

    const second = open()
    expect(await second.entries.get('s', 'a')).toEqual(before)
    expect(await second.entries.increment('s', 'n')).toMatchObject({ value: 8 })
    expect(await second.work.orphans('messages', ['second'], 10)).toMatchObject([{ id: 'm1', owner: 'first' }])
    expect((await second.work.list('messages', { number: '+12015550123', limit: 1 })).items).toHaveLength(1)
    await second.close()
  })

  test('belongs to the user alone, and so does the folder that was made for it', async () => {
    const storage = open()
    await storage.ready()
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(join(folder, 'data')))
      expect(statSync(join(folder, 'data', name)).mode & 0o777).toBe(0o600)
    await storage.close()
    chmodSync(path, 0o644)
    await open().close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('holds nothing that can be read', async () => {
    const storage = open()
    const markers = [
      'valueMARK',
      'keyMARK',
      'middleMARK',
      'spaceMARK',
      'bodyMARK',
      'scriptMARK',
      '+12015550123',
      '424242',
    ]
    await storage.entries.set('spaceMARK', 'keyMARK:middleMARK:+12015550123', 'valueMARK')
    await storage.entries.set('spaceMARK', '+12015550123', '424242')
    await storage.entries.increment('spaceMARK', 'keyMARK')
    const tags = { script: 'scriptMARK', number: '+12015550123' }
    await storage.work.schedule(work('m1', { body: 'bodyMARK 424242', tags }))
    await storage.work.settle('messages', 'm1', { body: 'bodyMARK again' })
    // Copied while the writes are still in the WAL; reading goes through a
    // child, as closing the file here would drop the lock.
    const live = await run('cat', [path, `${path}-wal`])
    await storage.close()
    const closed = readdirSync(join(folder, 'data')).map(name => readFileSync(join(folder, 'data', name), 'latin1'))
    for (const bytes of [live, ...closed]) {
      expect(bytes.length).toBeGreaterThan(1000)
      for (const marker of markers) {
        expect(bytes.includes(marker)).toBe(false)
        expect(bytes.includes(Buffer.from(marker, 'utf16le').toString('latin1'))).toBe(false)
      }
    }
  })

  test('is refused to a second engine, here and in another process', async () => {
    const first = open()
    expect(startError(() => open())).toBe(`PATCHCORD_STORAGE: ${path} is in use by another engine`)
    expect(await run(process.execPath, [writer, path, secret])).toContain(`${path} is in use by another engine`)
    await first.entries.set('s', 'a', 'still works')
    await first.close()
    await open().close()
  })

  test('is refused with another secret, and stays as it was', async () => {
    const storage = open()
    await storage.entries.set('s', 'a', '1')
    await storage.close()
    expect(startError(() => open({ secret: otherSecret }))).toMatch(/^PATCHCORD_SECRET .*patchcord\.db/)
    const again = open()
    expect(await again.entries.get('s', 'a')).toMatchObject({ value: '1' })
    await again.close()
  })

  test('is refused when it is damaged', async () => {
    const storage = open()
    await storage.entries.set('s', 'a', '1')
    await storage.close()
    const bytes = readFileSync(path)
    writeFileSync(path, Buffer.from(bytes).fill('damage', 100, 4096))
    expect(startError(() => open())).toBe(`PATCHCORD_STORAGE: ${path} is damaged or not a database`)
    writeFileSync(path, 'no database at all, but a text that is long enough to look like something'.repeat(100))
    expect(startError(() => open())).toBe(`PATCHCORD_STORAGE: ${path} is damaged or not a database`)
  })

  test('of the version before is brought up to date, with all that is in it', async () => {
    const first = open()
    await first.work.schedule(work('m1'))
    await first.close()
    const older = new DatabaseSync(path)
    older.exec(`DROP INDEX work_alias; ALTER TABLE work DROP COLUMN alias_tag;
      ALTER TABLE work DROP COLUMN alias_version; ALTER TABLE work ADD COLUMN tags BLOB;
      PRAGMA user_version = 1`)
    older.close()

    const storage = open()
    await storage.work.schedule(work('m2'))
    await storage.work.settle('messages', 'm1', { alias: 'x' })
    expect((await storage.work.byAlias('messages', 'x'))?.id).toBe('m1')
    await storage.close()
    await open().close()
  })

  test('is refused when it is another program’s or a newer version’s', async () => {
    mkdirSync(join(folder, 'data'))
    const other = new DatabaseSync(path)
    other.exec('CREATE TABLE theirs (x)')
    other.close()
    expect(startError(() => open())).toContain('another program')
    const newer = join(folder, 'newer.db')
    await open({ path: newer }).close()
    const later = new DatabaseSync(newer)
    later.exec('PRAGMA user_version = 99')
    later.close()
    expect(startError(() => open({ path: newer }))).toContain('newer Patchcord')
  })

  test('is refused where it cannot be: a directory, below a file, where nothing may be written', () => {
    expect(startError(() => open({ path: folder }))).toBe(`PATCHCORD_STORAGE: ${folder} is a directory, not a file`)
    writeFileSync(join(folder, 'file'), '')
    const below = join(folder, 'file', 'patchcord.db')
    expect(startError(() => open({ path: below }))).toContain(below)
    // Nobody, root included, makes files in /proc.
    const closed = process.getuid?.() === 0 ? '/proc/patchcord.db' : join(folder, 'closed', 'patchcord.db')
    if (!closed.startsWith('/proc')) mkdirSync(join(folder, 'closed'), { mode: 0o500 })
    const message = startError(() => open({ path: closed }))
    expect(message).toContain(closed)
    expect(message).not.toContain('\n')
  })
})

describe('writing', () => {
  test('a hundred parallel writes share a commit', async () => {
    const storage = open()
    const before = storage.stats()
    await Promise.all(Array.from({ length: 100 }, (_, i) => storage.entries.set('s', `k${i}`, 'x')))
    const after = storage.stats()
    expect(after.writes - before.writes).toBe(100)
    expect(after.commits - before.commits).toBeLessThanOrEqual(3)
    await storage.close()
  })

  test('thousands at once are all written', async () => {
    const storage = open()
    const answers = await Promise.all(Array.from({ length: 3000 }, () => storage.entries.increment('s', 'n')))
    expect(answers.at(-1)).toMatchObject({ value: 3000 })
    await storage.close()
  })

  test('one that fails leaves the others of its batch alone', async () => {
    const first = open()
    await first.entries.set('s', 'broken', '1')
    await first.close()
    const file = new DatabaseSync(path)
    file.exec('UPDATE entries SET sealed = zeroblob(60)')
    file.close()

    const storage = open()
    const answers = await Promise.allSettled([
      storage.entries.increment('s', 'n'),
      storage.entries.increment('s', 'broken'),
      storage.entries.increment('s', 'n'),
    ])
    expect(answers).toMatchObject([
      { status: 'fulfilled', value: { value: 1 } },
      { status: 'rejected', reason: { code: 'storage_unavailable', facts: { retryAfter: 1 } } },
      { status: 'fulfilled', value: { value: 2 } },
    ])
    await storage.close()
  })

  test('a sealed value that was moved to another row does not open', async () => {
    const first = open()
    await first.entries.set('s', 'mine', 'code 111111')
    await first.entries.set('s', 'theirs', 'code 222222')
    await first.close()
    const file = new DatabaseSync(path)
    file.exec('UPDATE entries SET sealed = (SELECT sealed FROM entries ORDER BY key LIMIT 1)')
    file.close()
    const storage = open()
    const answers = await Promise.allSettled([storage.entries.get('s', 'mine'), storage.entries.get('s', 'theirs')])
    expect(answers.map(answer => answer.status).sort()).toEqual(['fulfilled', 'rejected'])
    await storage.close()
  })

  test('a mistake of the engine is no storage that cannot be reached', async () => {
    const storage = open()
    await expect(storage.entries.increment('s', 'n', { by: 0.5 })).rejects.toThrow(RangeError)
    await expect(storage.entries.set('s', 'a', '1', { ttlMs: NaN })).rejects.toThrow(RangeError)
    await expect(storage.work.schedule(work('m1', { priority: 0.5 }))).rejects.toMatchObject({
      code: 'ERR_SQLITE_ERROR',
    })
    await storage.close()
  })

  test('what is past its time is swept, the rest stays', async () => {
    const storage = open()
    const ttlMs = 1000
    await Promise.all(Array.from({ length: 450 }, (_, i) => storage.entries.set('s', `short:${i}`, '', { ttlMs })))
    await storage.entries.set('s', 'long', '', { ttlMs: 5000 })
    await storage.entries.set('s', 'for ever', '')
    await storage.work.schedule(work('old', { dueAt: null, expiresAt: now + ttlMs }))
    await storage.work.schedule(work('kept'))
    expect(await storage.sweep()).toBe(0)
    now += ttlMs
    expect(await storage.sweep()).toBe(451)
    expect(await storage.entries.list('s', '')).toHaveLength(2)
    expect((await storage.work.list('messages', { limit: 9 })).items).toMatchObject([{ id: 'kept' }])
    await storage.close()
  })

  test('a list finds the few among many, over gaps', async () => {
    const storage = open()
    await storage.work.schedule(work('oldest', { state: 'failed' }))
    await Promise.all(Array.from({ length: 5000 }, (_, i) => storage.work.schedule(work(`m${i}`))))
    await storage.work.schedule(work('newest', { state: 'failed' }))
    const first = await storage.work.list('messages', { state: 'failed', limit: 1 })
    expect(first.items).toMatchObject([{ id: 'newest' }])
    const second = await storage.work.list('messages', { state: 'failed', limit: 1, cursor: first.next ?? '' })
    expect(second).toMatchObject({ items: [{ id: 'oldest' }], next: null })
    await storage.close()
  })

  test('a span of time is found among many of another queue, over gaps', async () => {
    const storage = open()
    await storage.work.schedule(work('before'))
    now += 1000
    const timers = Array.from({ length: 5000 }, (_, i) => work(`t${i}`, { queue: 'timers' }))
    await storage.work.schedule(work('first'))
    await Promise.all(timers.map(timer => storage.work.schedule(timer)))
    await storage.work.schedule(work('last'))
    await Promise.all(timers.slice(1000, 4500).map(({ id }) => storage.work.delete('timers', id)))
    now += 1000
    await storage.work.schedule(work('after'))

    const span = { from: now - 1000, to: now, limit: 1 }
    const first = await storage.work.created('messages', span)
    expect(first.items).toMatchObject([{ id: 'first' }])
    const second = await storage.work.created('messages', { ...span, cursor: first.next ?? '' })
    expect(second).toMatchObject({ items: [{ id: 'last' }], next: null })
    await storage.close()
  })
})

const writer = new URL('writer.ts', import.meta.url).pathname

describe('writing ahead', () => {
  test('one thing after another shares a commit with all that is written meanwhile', async () => {
    const storage = open()
    const before = storage.stats()
    for (let n = 1; n <= 20; n++) expect(await storage.ahead.entries.increment('s', 'n')).toMatchObject({ value: n })
    await Promise.all([storage.ahead.kept(), storage.entries.set('s', 'a', '1')])
    const after = storage.stats()
    expect(after.writes - before.writes).toBe(21)
    expect(after.commits - before.commits).toBe(1)
    await storage.close()
  })

  test('a write that fails in the same transaction takes nothing of it along', async () => {
    const storage = open()
    let lost = 0
    storage.ahead.onLost(() => lost++)
    await storage.ahead.entries.set('s', 'ahead', '1')
    await expect(storage.ahead.work.schedule(work('m1', { priority: 0.5 }))).rejects.toThrow()
    const kept = storage.ahead.kept()
    const answers = await Promise.allSettled([
      storage.entries.set('s', 'a', '1'),
      storage.work.schedule(work('m1', { priority: 0.5 })),
      storage.entries.set('s', 'b', '1'),
    ])
    await kept
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await storage.close()
    const again = open()
    expect((await again.entries.list('s', '')).map(({ key }) => key).sort()).toEqual(['a', 'ahead', 'b'])
    expect(lost).toBe(0)
    await again.close()
  })
})

describe('a writer in another process', () => {
  test('that is killed has lost nothing that it acknowledged, ahead or not', async () => {
    for (let round = 0; round < 4; round++) {
      const ahead = round % 2 === 0 ? ['ahead'] : []
      const child = spawn(process.execPath, [writer, path, secret, ...ahead], { stdio: ['ignore', 'pipe', 'inherit'] })
      const acked: string[] = []
      for await (const line of createInterface({ input: child.stdout })) {
        const [word, key = ''] = line.split(' ')
        expect(word).toBe('acked')
        acked.push(key)
        if (acked.length === 300) child.kill('SIGKILL')
      }
      const storage = open()
      for (const key of acked)
        expect(await storage.entries.get('s', key)).toMatchObject({ value: key.padEnd(200, '.') })
      await storage.close()
    }
  })

  test.each(['', 'ahead'])('whose disk is full is told so, still reads, and has lost nothing %s', async ahead => {
    // The limit on file size (blocks of 512 bytes) is a disk of 512 KB.
    const limited = ['-c', `ulimit -f 1024; exec "$@"`, 'sh', process.execPath, writer, path, secret, 'stop', ahead]
    const lines = (await run('sh', limited)).trim().split('\n')
    const acked = lines.filter(line => line.startsWith('acked ')).map(line => line.slice(6))
    expect(acked.length).toBeGreaterThan(100)
    expect(lines.filter(line => line.startsWith('refused '))).toEqual(Array(16).fill('refused storage_unavailable'))
    expect(lines).toContain('reads 0:0')
    expect(lines.includes('lost')).toBe(ahead !== '')
    const storage = open()
    for (const key of acked) expect(await storage.entries.get('s', key)).toBeDefined()
    await storage.entries.set('s', 'after', 'there is room again')
    await storage.close()
  })
})

describe('the list of drivers', () => {
  const options = { secret, clock, baseDir: '' }

  test('opens a relative path below the base folder, an absolute one where it is', async () => {
    const relative = await openStorage('sqlite:data/a.db', { ...options, baseDir: folder })
    const absolute = await openStorage(`sqlite://${join(folder, 'b.db')}`, { ...options, baseDir: '/nowhere' })
    await Promise.all([relative.ready(), absolute.ready()])
    await Promise.all([relative.close(), absolute.close()])
    expect(readdirSync(folder).sort()).toEqual(['b.db', 'data'])
    expect(readdirSync(join(folder, 'data'))).toEqual(['a.db'])
  })

  test('refuses what it does not know in one line that holds no password', async () => {
    for (const url of [
      'mysql://user:hunter2@db/x',
      'hunter2',
      '',
      'constructor:hunter2',
      'sqlite:',
      'sqlite://data/x.db',
    ]) {
      const error = await openStorage(url, { ...options, baseDir: folder }).catch((cause: unknown) => cause)
      expect(error).toBeInstanceOf(StartError)
      expect(String(error)).toMatch(/^StartError: PATCHCORD_STORAGE: .*sqlite:data\/patchcord\.db$/)
      expect(String(error)).not.toContain('hunter2')
    }
  })
})

/** What a program printed on stdout. */
async function run(program: string, args: string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  for await (const chunk of child.stdout) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}
