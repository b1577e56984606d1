// What a cold process costs: from `npm start` to the first answer, and memory at
// rest, with the shipped scripts and with ten more that have been used.

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import type { Costs } from './costs.ts'
import { memoryMb } from './processes.ts'
import { median } from './tables.ts'

const root = resolve(import.meta.dirname, '..')
const token = 'token-of-the-measurement-only'
const moreScripts = 10

export async function measureStart(rounds: number): Promise<Costs> {
  const firstAnswers: number[] = []
  const idle: number[] = []
  const perScript: number[] = []
  for (let round = 0; round < rounds; round++) {
    const plain = await startOnce(0)
    const crowded = await startOnce(moreScripts)
    firstAnswers.push(plain.firstAnswerMs)
    idle.push(plain.idleMb)
    perScript.push((crowded.idleMb - plain.idleMb) / moreScripts)
  }
  const over = `median of ${rounds} starts`
  return [
    { what: 'npm start to the first answer', ms: median(firstAnswers), note: `${over}; target 2,000 ms` },
    { what: 'memory at rest', mb: median(idle), note: `PSS of engine and sandbox processes; target 200 MB` },
    { what: 'one more script', mb: median(perScript), note: `each called once; target 6 MB` },
  ]
}

async function startOnce(more: number): Promise<{ firstAnswerMs: number; idleMb: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-start-'))
  const scripts = join(folder, 'scripts')
  await cp(join(root, 'scripts'), scripts, { recursive: true, filter: path => !path.endsWith('.json') })
  for (let script = 0; script < more; script++)
    await cp(join(root, 'scripts', 'sms.ts'), join(scripts, `more${script}.ts`))

  const began = performance.now()
  const npm = spawn('npm', ['start'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      PATCHCORD_PORT: '0',
      PATCHCORD_STORAGE: `sqlite:${folder}/patchcord.db`,
      PATCHCORD_SCRIPTS: scripts,
      PATCHCORD_TOKEN: token,
    },
  })
  try {
    const url = await addressOf(npm.stdout)
    const call = (path: string, body: object): Promise<Response> =>
      fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const answer = await call('/otp', { number: '+12015550123' })
    if (answer.status !== 200) throw new Error(`POST /otp answered ${answer.status}`)
    const firstAnswerMs = performance.now() - began
    for (let script = 0; script < more; script++)
      await call(`/more${script}`, { number: '+12015550123', text: 'hello' })
    // What the start left behind is collected, or not, within a second or two.
    await new Promise(soon => setTimeout(soon, 2_000))
    const idleMb = (await memoryMb(engineProcesses(npm.pid!))) ?? Number.NaN
    return { firstAnswerMs, idleMb }
  } finally {
    const exited = new Promise(gone => npm.once('exit', gone))
    process.kill(-npm.pid!, 'SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
}

function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  return new Promise((resolveUrl, reject) => {
    output.on('data', (piece: Buffer) => {
      text += String(piece)
      const url = /listens on (\S+)/.exec(text)?.[1]
      if (url !== undefined) resolveUrl(url)
    })
    output.on('end', () => reject(new Error('the engine did not start')))
  })
}

/** The engine and what it started, below npm and its shell. */
function engineProcesses(npm: number): number[] {
  const parents = new Map<number, number>()
  const names = new Map<number, string>()
  for (const entry of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      names.set(Number(entry), stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')))
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: number): number[] => [
    pid,
    ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => below(child)),
  ]
  const engine = below(npm).find(pid => names.get(pid) === 'patchcord')
  return engine === undefined ? [] : below(engine)
}
