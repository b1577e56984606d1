// A real engine, started as operators start it, whose sandbox processes lie once
// a script has broken out: a copy of the engine with one more import in child.ts.
//
// A script names what is to be done. What its turn says is on its way to
// the engine when the processes' own way of writing is taken over; until then
// they behave.

import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { onTestFinished } from 'vitest'

import { newFolder, until } from '../helpers.ts'

const root = resolve(import.meta.dirname, '..', '..')

export interface EscapedAnswer {
  status: number
  body: Record<string, unknown>
}

export interface EscapedEngine {
  post(path: string, body: object): Promise<EscapedAnswer>
  /** Calls the script that breaks out and tells this lie. */
  lie(name: string): Promise<EscapedAnswer>
  /** Still the process that was started. */
  alive(): boolean
  /** The most memory that it ever had, MB; Linux. */
  peakMb(): number
  log(): string
}

/** `lies`: what is done instead of writing `text` to `fd`, by name; the body of a function with `write`, `turn`. */
export async function startEscapedEngine(lies: Record<string, string>): Promise<EscapedEngine> {
  const folder = await newFolder()
  for (const part of ['engine', 'locales', 'package.json'])
    await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  const sandbox = join(folder, 'engine', 'sandbox')
  // A newcomer would not live with the others yet.
  const limits = join(sandbox, 'limits.ts')
  await writeFile(limits, (await readFile(limits, 'utf8')).replace(/newcomerTurns: \d+/, 'newcomerTurns: 0'))
  const child = await readFile(join(sandbox, 'child.ts'), 'utf8')
  await writeFile(join(sandbox, 'child.ts'), `import './escape.ts'\n${child}`)
  const cases = Object.entries(lies).map(([name, body]) => `${JSON.stringify(name)}: text => { ${body} }`)
  await writeFile(
    join(sandbox, 'escape.ts'),
    `import fs from 'node:fs'
     const write = fs.writeSync
     let turn = ''
     const lies = { ${cases.join(',\n')} }
     let lie
     fs.writeSync = (fd, text) => {
       const name = /escape:([a-z ]+)/.exec(text)?.[1]
       turn = /done\\t(\\d+)[^\\n]*escape:/.exec(text)?.[1] ?? turn
       lie = lies[name] ?? lie
       return lie === undefined ? write(fd, text) : lie(text)
     }`,
  )
  await mkdir(join(folder, 'scripts'))
  // A version that ends too many processes is taken out of service: each lie has a script of its own.
  for (const [index, lie] of Object.keys(lies).entries())
    await writeFile(
      join(folder, 'scripts', `evil-${index}.ts`),
      `export default async () => {
         log.info('escape:${lie}')
         await storage.get('key')
         return {}
       }`,
    )
  await writeFile(
    join(folder, 'scripts', 'good.ts'),
    `export default async ({ n }) => {
       await storage.set('n:' + n, n)
       return { honest: true, n: (await storage.get('n:' + n)) }
     }`,
  )

  const engine = spawn(process.execPath, ['--disable-sigusr1', '--no-warnings', 'engine/main.ts'], {
    cwd: folder,
    env: { PATH: process.env.PATH, PATCHCORD_PORT: '0', NODE_DISABLE_COMPILE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    engine[name].setEncoding('utf8').on('data', (text: string) => void (said[name] += text))
  let over = false
  const ended = new Promise<void>(done =>
    engine.on('close', () => {
      over = true
      done()
    }),
  )
  onTestFinished(async () => {
    engine.kill('SIGKILL')
    await ended
  })
  const url = await until(() => {
    if (over) throw new Error(`the engine ended: ${said.stderr}`)
    return /^Patchcord listens on (\S+)$/m.exec(said.stdout)?.[1]
  })
  const token = (await readFile(join(folder, 'data', 'token'), 'utf8')).trim()

  async function post(path: string, body: object): Promise<EscapedAnswer> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  return {
    post,
    lie: name => post(`/evil-${Object.keys(lies).indexOf(name)}`, {}),
    alive: () => !over,
    peakMb: () =>
      Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${engine.pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024,
    log: () => said.stderr,
  }
}
