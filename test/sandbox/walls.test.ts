// What the kernel keeps of a sandbox process: its memory, its user, its files,
// and that it does not outlive the engine.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { findUser, wrapCommand, type Walls } from '../../engine/sandbox/walls.ts'
import { createTestEngine, until } from '../helpers.ts'
import { escape } from './escape.ts'

const nobody = { uid: 65_534, gid: 65_534 }
const asRoot = process.getuid?.() === 0
const commands = wrapCommand([], {}).join(' ')
const hasSetpriv = commands.includes('setpriv')
const hasPrlimit = commands.includes('prlimit')
const entry = resolve(import.meta.dirname, '..', '..', 'engine', 'sandbox', 'child-entry.cjs')
const hasNobody = asRoot && spawnSync('/bin/cat', [entry], nobody).status === 0

const status = (pid: number): Record<string, string> =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .map(line => line.split(/:\s*/) as [string, string]),
  )

describe.runIf(hasPrlimit)('the kernel’s limits', () => {
  // Nobody watches here: escape() starts no engine.
  test('hold a bomb of buffers that the watch does not look at', async () => {
    const bomb = `
      const kept = []
      try { for (let n = 0; n < 400; n++) kept.push(new Uint8Array(16 * 2 ** 20).fill(1)) } catch {}
      return Math.round(process.resourceUsage().maxRSS / 1024)`
    const held = await escape(bomb, { walls: { dataMb: 1_536 } })
    // Node refuses the buffer, or gives up: both are an end of it.
    if ('value' in held) expect(held.value).toBeLessThan(1_200)
    else expect(held).toMatchObject({ exit: expect.stringMatching(/^SIG/) })
  })

  test('leave an ordinary engine what it needs', async () => {
    const engine = await createTestEngine({
      files: { 'plain.ts': 'export default () => ({ ok: true })' },
      config: { engine: { sandboxDataMb: 4_096 } },
    })
    expect(await engine.post('/plain', {})).toMatchObject({ status: 200, body: { ok: true } })
    for (const { pid } of engine.engine.sandbox.stats().lanes)
      expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max data size +4294967296 +4294967296 /m)
  })

  test('leave no memory of a crash behind, and no file grow', async () => {
    let limits = ''
    const whileWaiting = (pid: number): void => void (limits = readFileSync(`/proc/${pid}/limits`, 'utf8'))
    await escape('await outside()', { whileWaiting })
    expect(limits).toMatch(/^Max core file size +0 +0 /m)
    expect(limits).toMatch(/^Max file size +0 +0 /m)
  })
})

test.runIf(process.platform === 'linux')('the kernel takes a sandbox process before the engine', async () => {
  let score = ''
  const whileWaiting = (pid: number): void => void (score = readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim())
  for (const walls of [{}, ...(hasNobody ? [{ user: nobody }] : [])]) {
    await escape('await outside()', { walls, whileWaiting })
    expect(score).toBe('1000')
  }
})

test
  .runIf(hasSetpriv)
  .for([
    ['of the engine’s own user', {}],
    ...(hasNobody ? [['of another user', { user: nobody }] as const] : []),
  ] as Array<[string, Walls]>)('a busy process %s gains no rights, and ends with the engine', async ([, walls]) => {
  const parent = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, 'orphan.ts'), JSON.stringify(walls)],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  let said = ''
  parent.stdout.setEncoding('utf8').on('data', (text: string) => void (said += text))
  const ended = new Promise(done => parent.on('exit', done))
  onTestFinished(async () => {
    parent.kill('SIGKILL')
    await ended
  })
  const pid = Number(await until(() => /^(\d+)\n/.exec(said)?.[1]))
  expect(status(pid)).toMatchObject({ NoNewPrivs: '1' })

  parent.kill('SIGKILL')
  await ended

  // Whoever inherits it may take a while to bury it.
  await until(() => !existsSync(`/proc/${pid}`) || status(pid).State!.startsWith('Z'))
})

describe.runIf(hasNobody)('a sandbox with a user of its own', () => {
  test('serves as before, and has no right of root’s', async () => {
    const engine = await createTestEngine({
      files: { 'plain.ts': `export default async () => ({ n: await storage.increment('n') })` },
      config: { engine: { sandboxUser: 'nobody' } },
    })
    expect(await engine.post('/plain', {})).toMatchObject({ status: 200, body: { n: { value: 1 } } })
    const { lanes } = engine.engine.sandbox.stats()
    expect(lanes.length).toBeGreaterThan(0)
    for (const { pid } of lanes) {
      const { Uid, Gid, Groups, CapEff, CapPrm } = status(pid)
      expect([Uid, Gid].map(ids => ids!.split('\t'))).toEqual([Array(4).fill('65534'), Array(4).fill('65534')])
      expect({ Groups: Groups!.trim(), CapEff, CapPrm }).toEqual({
        Groups: '',
        CapEff: '0'.repeat(16),
        CapPrm: '0'.repeat(16),
      })
    }
  })

  test('cannot become root again, nor give the engine a signal', async () => {
    expect(await escape('process.setuid(0)', { walls: { user: nobody } })).toEqual({ error: 'EPERM' })
    // With native code: what that user may do.
    expect(spawnSync('/bin/kill', ['-0', String(process.pid)], nobody).status).not.toBe(0)
  })
})

test('a user that cannot be had is refused at the start', async () => {
  if (!asRoot) expect(() => findUser('nobody')).toThrow(/engine\.sandboxUser: only an engine that runs as root/)
  else {
    expect(() => findUser('no-such-user')).toThrow(/engine\.sandboxUser: there is no user "no-such-user"/)
    expect(() => findUser('root')).toThrow(/engine\.sandboxUser/)
    expect(() => findUser('0')).toThrow(/engine\.sandboxUser/)
    expect(findUser('12345')).toEqual({ uid: 12_345, gid: 12_345 })
  }
  expect(findUser(undefined)).toBeUndefined()
})
