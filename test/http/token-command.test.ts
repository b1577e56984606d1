import { createServer } from 'node:http'
import { readdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { createTestEngine, newFolder } from '../helpers.ts'
import { furnish, startProcess } from './engine-process.ts'

const files = { 'me.ts': 'export default async (request, call) => call.token' }
const wanted = ['--name', 'shop', '--scopes', 'run:me,code:read', '--app', 'shop-1', '--brand', 'Shop & Co']

async function tokenCommand(folder: string, args: string[], environment: Record<string, string> = {}) {
  const child = startProcess(folder, ['engine/token-command.ts', ...args], environment)
  const { code } = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr(), token: child.stdout().trimEnd().split('\n').at(-1)! }
}

const portOf = (url: string) => ({ PATCHCORD_PORT: new URL(url).port })

/** A port where nobody listens. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return String(port)
}

describe('npm run token', () => {
  test('makes a token through the running engine, which knows it at once', async () => {
    const { folder, engine, post } = await createTestEngine({ files })

    const { code, token, stderr } = await tokenCommand(folder, wanted, portOf(engine.url))

    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect((await post('/me', {}, { token })).body).toMatchObject({
      app: 'shop-1',
      brand: 'Shop & Co',
      scopes: ['run:me', 'code:read'],
    })
  })

  test('makes one with PATCHCORD_TOKEN, where there is no token file', async () => {
    const environment = { PATCHCORD_TOKEN: 'correct-horse-battery-staple' }
    const { folder, engine, post } = await createTestEngine({ files, environment })

    const made = await tokenCommand(folder, wanted, { ...environment, ...portOf(engine.url) })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect((await post('/me', {}, { token: made.token })).status).toBe(200)
  })

  test('makes one in the storage while no engine runs, with defaults for the rest', async () => {
    const first = await createTestEngine({ files })
    await first.stop()
    const environment = { PATCHCORD_PORT: await freePort() }

    const made = await tokenCommand(first.folder, ['--name=x', '--scopes=run:*'], environment)

    expect(made).toMatchObject({ code: 0, stderr: '' })
    const second = await createTestEngine({ folder: first.folder })
    expect((await second.post('/me', {}, { token: made.token })).body).toMatchObject({ app: 'default', brand: null })
    expect((await second.post('/me', {}, { token: first.token })).status).toBe(200)
  })

  test('makes one before the first start', async () => {
    const folder = await newFolder()
    await furnish(folder, files)
    const made = await tokenCommand(folder, wanted, { PATCHCORD_PORT: await freePort() })

    expect(made).toMatchObject({ code: 0, stderr: '' })
    const { post, token } = await createTestEngine({ folder })
    expect(token).not.toBe(made.token)
    expect((await post('/me', {}, { token: made.token })).body).toMatchObject({ app: 'shop-1' })
  })

  test('does not take another program on that port for the engine', async () => {
    const { folder, stop } = await createTestEngine({ files })
    await stop()
    const stranger = createServer((_request, response) => response.writeHead(200).end('hello')).listen(0, '127.0.0.1')
    await new Promise(resolve => stranger.once('listening', resolve))
    onTestFinished(() => void stranger.close())
    const environment = { PATCHCORD_PORT: String((stranger.address() as AddressInfo).port) }

    const made = await tokenCommand(folder, wanted, environment)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect((await (await createTestEngine({ folder })).post('/me', {}, { token: made.token })).status).toBe(200)
  })

  test('does not wait for a program on that port that never answers', async () => {
    const { folder, stop } = await createTestEngine({ files })
    await stop()
    const mute = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise(resolve => mute.once('listening', resolve))
    onTestFinished(() => {
      mute.closeAllConnections()
      mute.close()
    })

    const environment = { PATCHCORD_PORT: String((mute.address() as AddressInfo).port) }
    expect(await tokenCommand(folder, wanted, environment)).toMatchObject({ code: 0, stderr: '' })
  })

  test('says that an engine has the storage open where it cannot be reached', async () => {
    const { folder } = await createTestEngine({ files })

    const { code, stdout, stderr } = await tokenCommand(folder, wanted, { PATCHCORD_PORT: await freePort() })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^patchcord: an engine has the storage open.*PATCHCORD_PORT.*\n$/)
  })

  test('refuses what is no token with one line, and makes nothing', async () => {
    const folder = await newFolder()
    const refused = async (args: string[], environment: Record<string, string> = {}) => {
      const { code, stdout, stderr } = await tokenCommand(folder, args, environment)
      expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^patchcord: [^\n]+\n$/)
      return stderr
    }

    expect(await refused([])).toMatch(/--name is missing; usage: npm run token -- /)
    expect(await refused(['--name', 'x'])).toMatch(/--scopes is missing/)
    expect(await refused(['--name', 'x', '--scopes'])).toMatch(/--scopes/)
    expect(await refused([...wanted, '--colour', 'red'])).toMatch(/--colour/)
    expect(await refused([...wanted, 'more'])).toMatch(/more/)
    expect(await refused(wanted, { PATCHCORD_PORT: 'x' })).toMatch(/PATCHCORD_PORT/)
    expect(await readdir(folder)).toEqual([])
  })

  test('names the wrong scope, whoever makes the token', async () => {
    const { folder, engine, stop } = await createTestEngine({ files })
    const args = ['--name', 'x', '--scopes', 'run:me,fly']
    const refused = /^patchcord: scopes "fly" is none of run:<script>, [^\n]+\n$/

    const through = await tokenCommand(folder, args, portOf(engine.url))
    expect(through.code).toBe(1)
    expect(through.stderr).toMatch(refused)
    await stop()
    const directly = await tokenCommand(folder, args, { PATCHCORD_PORT: await freePort() })
    expect(directly.code).toBe(1)
    expect(directly.stderr).toMatch(refused)
    expect(await readdir(join(folder, 'data'))).not.toContain('.token')
  })
})
