// The outer wall: what a script reaches that has left its isolate and runs in
// the sandbox process itself. It has all of Node's JavaScript there. Native code
// is another matter: docs/threat-model.md.

import { spawn } from 'node:child_process'
import { existsSync, openSync, closeSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { createRequire } from 'node:module'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { furnish, startEngine } from '../http/engine-process.ts'
import { createTestEngine, newFolder, until, type TestEngine } from '../helpers.ts'
import { escape } from './escape.ts'

const root = resolve(import.meta.dirname, '..', '..')
const require = createRequire(import.meta.url)
const denied = { error: 'ERR_ACCESS_DENIED' }
const onLinux = process.platform === 'linux'

// One engine for all of them, in this process: what belongs to it is there to be reached.
let engine: TestEngine
const ends: Array<() => Promise<void>> = []
beforeAll(async () => {
  engine = await createTestEngine({
    scripts: ['sms'],
    atEnd: end => void ends.unshift(end),
  })
})
afterAll(async () => {
  for (const end of ends) await end()
})

/** Paths that a body may name, and the engine's address. */
const places = () => ({
  data: join(engine.folder, 'data'),
  scripts: join(engine.folder, 'scripts'),
  out: join(engine.folder, 'out'),
  root,
  engine: process.pid,
  port: Number(new URL(engine.engine.url).port),
})

test.for([
  ['a file of the system', `fs.readFileSync('/etc/passwd')`],
  ['one by another name of the root', `fs.readFileSync('/proc/self/root/etc/passwd')`],
  ['one by a way out of what it may read', `fs.readFileSync(process.argv[1] + '/../../../package.json')`],
  ['one by a path of bytes', `fs.readFileSync(Buffer.from('/etc/passwd'))`],
  ['one by its address', `fs.readFileSync(new URL('file:///etc/passwd'))`],
  ['one as a blob', `(await fs.openAsBlob('/etc/passwd')).text()`],
  ['one as a stream', `(await fs.createReadStream('/etc/passwd').toArray()).join()`],
  ['one by a promise', `await fs.promises.readFile('/etc/passwd')`],
  ['one as a module', `require('/etc/passwd')`],
  ['one as an environment', `process.loadEnvFile('/etc/environment')`],
  ['whether there is one', `fs.accessSync('/etc/passwd')`],
  ['a folder', `fs.readdirSync('/')`],
  ['a watch on a folder', `fs.watch('/etc')`],
  ['the database', `fs.readFileSync(data + '/patchcord.db')`],
  ['the token', `fs.readFileSync(data + '/token')`],
  ['the secret', `fs.readFileSync(data + '/secret')`],
  ['the scripts', `fs.readFileSync(scripts + '/sms.ts')`],
  ['the engine’s own code', `fs.readFileSync(root + '/engine/main.ts')`],
  ['its environment', `fs.readFileSync('/proc/self/environ')`],
  ['the engine’s environment', `fs.readFileSync('/proc/' + engine + '/environ')`],
  ['the engine’s memory', `fs.openSync('/proc/' + engine + '/mem', 'r')`],
  ['the engine’s open files', `fs.openSync('/proc/' + engine + '/fd/1', 'w')`],
])('it cannot read %s', async ([, body]) => {
  expect(await escape(`return ${body}`, { given: places() })).toEqual(denied)
})

test.for([
  ['a file', `fs.writeFileSync(out, 'x')`],
  ['over the database', `fs.writeFileSync(data + '/patchcord.db', '')`],
  ['over a script', `fs.writeFileSync(scripts + '/sms.ts', '')`],
  ['a folder', `fs.mkdirSync(out)`],
  ['a link', `fs.symlinkSync('/etc/passwd', out)`],
  ['a copy', `fs.copyFileSync(process.argv[1], out)`],
  ['the rights of a pipe', `fs.fchmodSync(0, 0o777)`],
  ['a report', `process.report.writeReport(out)`],
  ['a heap snapshot', `require('v8').writeHeapSnapshot(out)`],
  ['a heap snapshot later', `require('v8').setHeapSnapshotNearHeapLimit(1)`],
  ['trace events', `require('trace_events').createTracing({ categories: ['node'] }).enable()`],
])('it cannot write %s', async ([, body]) => {
  expect(await escape(`return ${body}`, { given: places() })).toEqual(denied)
  expect(existsSync(places().out)).toBe(false)
})

test('it cannot make V8 write files, which it does for some of its flags without asking Node', async () => {
  const flags = `
    const set = process.getBuiltinModule('v8').setFlagsFromString ?? require('node:v8').setFlagsFromString
    for (const flag of ['--trace-turbo', '--trace-turbo-path=' + out]) set(flag)
    const busy = new Function('n', 'let sum = 0; for (let i = 0; i < n; i++) sum += i % 7; return sum')
    for (let n = 0; n < 3_000; n++) busy(1_000)`
  await mkdir(places().out)
  expect(await escape(flags, { given: places() })).toEqual({ error: 'set is not a function' })
  expect(readdirSync(places().out)).toEqual([])
})

test.for([
  ['the engine by TCP', `require('net').connect(port, '127.0.0.1').on('error', no)`],
  ['the engine by HTTP', `require('http').get({ port }).on('error', no)`],
  ['the engine by HTTP/2', `require('http2').connect('http://127.0.0.1:' + port).on('error', no)`],
  ['the engine by fetch', `fetch('http://127.0.0.1:' + port).then(ok, no)`],
  ['anybody by UDP', `require('dgram').createSocket('udp4').on('error', no).send('x', 53, '127.0.0.1', e => no(e))`],
  ['anybody by name', `require('dns').promises.lookup('localhost').then(ok, no)`],
  ['a name server', `require('dns').promises.resolve4('example.com').then(ok, no)`],
  ['a unix socket', `require('net').connect('/var/run/docker.sock').on('error', no)`],
  ['those who would connect to it', `require('net').createServer().on('error', no).listen(0, ok)`],
])('it cannot reach %s', async ([, body]) => {
  const found = await escape(`return new Promise((ok, no) => { ${body} })`, { given: places() })
  expect(found).toEqual(denied)
})

test.for([
  ['a process', `require('child_process').spawnSync('/bin/true')`],
  ['a process by its inner parts', `new (require('child_process').ChildProcess)().spawn({ file: '/bin/true' })`],
  ['another program in its place', `process.execve('/bin/true', ['true'], {})`],
  ['a cluster', `require('cluster').fork()`],
  ['a worker', `new (require('worker_threads').Worker)('1', { eval: true })`],
  ['an inspector', `require('inspector').open(0)`],
  ['an inspector’s session', `new (require('inspector').Session)().connect()`],
  ['WASI', `new (require('wasi').WASI)({ version: 'preview1', preopens: { '/': '/' } })`],
  ['a loader', `require('module').register('data:text/javascript,')`],
  ['Node’s inner parts', `process.binding('fs')`],
])('it cannot have %s', async ([, body]) => {
  expect(await escape(`return String(${body})`)).toEqual(denied)
})

test.for(['node:sqlite', 'node:ffi', 'node:vfs', 'node:quic'])('it has no %s', async name => {
  expect(await escape(`return Object.keys(require(${JSON.stringify(name)}))`)).toEqual({
    error: 'ERR_UNKNOWN_BUILTIN_MODULE',
  })
})

test('it cannot load an addon: some that lie beside the engine read any file', async () => {
  // Ours once more, and another one.
  const own = `process.argv[2]`
  const other = JSON.stringify(
    join(
      dirname(require.resolve('isolated-vm/package.json')),
      'prebuilds',
      'linux-x64',
      'isolated-vm.abi137.glibc.node',
    ),
  )
  for (const path of [own, other]) {
    for (const way of [
      `process.dlopen({ exports: {} }, ${path})`,
      `require(${path})`,
      `require('module')._extensions['.node']({ exports: {} }, ${path})`,
    ])
      expect(await escape(`return Object.keys(${way} ?? {})`)).toEqual({
        error: expect.stringMatching(/^process\.dlopen is not a function$|^ERR_ACCESS_DENIED$$/),
      })
  }
  expect(await escape(`return new Function('path', 'return import(path)')(process.argv[2])`)).toEqual({
    error: 'ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING',
  })
})

test('it finds an empty environment, and arguments that tell no secret', async () => {
  expect(await escape(`return process.env`)).toEqual({ value: { TZ: 'UTC' } })
  expect(await escape(`return process.report.getReport().environmentVariables`)).toEqual({ value: { TZ: 'UTC' } })
  const { value } = (await escape(`return [...process.execArgv, ...process.argv]`)) as { value: string[] }
  expect(value.join(' ')).not.toContain(engine.token)
})

test('it has no word for another process: neither to end, to debug nor to slow it', async () => {
  for (const name of ['kill', '_kill', '_debugProcess', '_debugEnd'])
    expect(await escape(`return typeof process.${name}`)).toEqual({ value: 'undefined' })
  expect(await escape(`return typeof require('os').setPriority`)).toEqual({ value: 'undefined' })
  // A handle that never began anything stands for no process, and not for the group of all of them.
  const handle = `const { ChildProcess } = require('child_process'); return new ChildProcess()._handle.kill(9)`
  expect(await escape(handle)).not.toEqual({ value: 0 })
})

test('the engine opens no inspector for a signal, should one reach it', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  expect(scripts.start).toContain(' --disable-sigusr1 ')
  const folder = await newFolder()
  await furnish(folder)
  const started = startEngine(folder)
  const url = await started.url()

  started.kill('SIGUSR1')

  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  started.kill('SIGTERM')
  await started.ended
  expect(started.stderr()).not.toContain('Debugger')
})

test.runIf(onLinux)(
  'it gets no file of the engine but its three pipes, not even one that the engine was given',
  async () => {
    const folder = await newFolder()
    await furnish(folder)
    await writeFile(join(folder, 'open'), 'left open by whoever started the engine')
    // Node closes low numbers by itself.
    const leak = 200
    const open = openSync(join(folder, 'open'), 'r')
    const stdio = Array.from({ length: leak + 1 }, (_, fd) => (fd < 3 ? 'pipe' : fd === leak ? open : 'ignore'))
    const child = spawn(process.execPath, ['--disable-sigusr1', '--no-warnings', join(root, 'engine', 'main.ts')], {
      cwd: folder,
      env: { PATCHCORD_PORT: '0' },
      stdio,
    })
    closeSync(open)
    const ended = new Promise(done => child.on('exit', done))
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await ended
    })
    let said = ''
    child.stdout!.setEncoding('utf8').on('data', (text: string) => void (said += text))
    child.stderr!.resume()
    await until(() => said.includes('Patchcord listens on'))

    const filesOf = (pid: number | string): Map<string, string> => {
      const folderOf = `/proc/${pid}/fd`
      return new Map(readdirSync(folderOf).map(fd => [fd, readlinkSync(join(folderOf, fd))]))
    }
    const ours = filesOf(child.pid!)
    expect(ours.get(String(leak))).toContain('/open')
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
    const sandboxes = children.filter(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('child-entry.cjs'))
    expect(sandboxes.length).toBeGreaterThan(0)
    const own = /^anon_inode:\[(eventpoll|eventfd|io_uring)\]$|^pipe:/
    for (const pid of sandboxes) {
      for (const [fd, file] of filesOf(pid)) {
        expect([...ours.values()].filter(other => !other.startsWith('anon_inode:'))).not.toContain(file)
        expect(file).toMatch(Number(fd) < 3 ? /^(socket|pipe):/ : own)
      }
    }
  },
)

test('what it writes reaches nobody’s terminal', async () => {
  const heard: string[] = []
  const write = process.stdout.write
  process.stdout.write = (text: string | Uint8Array) => heard.push(String(text)) > 0
  try {
    await escape(`for (const fd of [1, 2]) fs.writeSync(fd, '{"value":"forged"}\\n'); return 'done'`)
  } finally {
    process.stdout.write = write
  }
  expect(heard).toEqual([])
})

test('what it can learn is named: who the engine runs as, what the machine is called, its addresses', async () => {
  const learned = `const os = require('os'); return [os.userInfo().uid, os.hostname(), Object.keys(os.networkInterfaces()).length]`
  expect(await escape(learned)).toEqual({ value: [process.getuid!(), expect.any(String), expect.any(Number)] })
})
