// What tests of the Redis driver stand on: the servers are real, and gone afterwards.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'

import { describe, expect, test } from 'vitest'

import { until } from './helpers.ts'
import { startRedisCluster } from './redis-cluster.ts'
import { startRedis } from './redis.ts'

describe('a Redis server', () => {
  test('answers, takes settings, and writes a log of what it is told', async () => {
    const redis = await startRedis({ args: ['--maxmemory', '3mb'] })

    expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}/0`)
    expect(await redis.command('PING')).toBe('PONG')
    for (const [name, value] of Object.entries({
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
      'maxmemory-policy': 'noeviction',
      'protected-mode': 'no',
      maxmemory: String(3 * 1024 * 1024),
      dir: redis.folder,
    }))
      expect((await redis.command('CONFIG', 'GET', name)).split('\n')[1] ?? '', name).toBe(value)
    await expect(redis.command('NONSENSE')).rejects.toThrow("ERR unknown command 'NONSENSE'")
  })

  test('keeps what it had over a kill and a restart, on its port', async () => {
    const redis = await startRedis()
    const { pid } = redis
    await redis.command('SET', 'key', 'value')

    await redis.kill()
    await expect(redis.command('PING')).rejects.toThrow('refused')
    await redis.restart()

    expect(redis.pid).not.toBe(pid)
    expect(await redis.command('GET', 'key')).toBe('value')
  })

  test('says nothing while it is paused', async () => {
    const [redis, other] = await Promise.all([startRedis(), startRedis()])

    redis.pause()
    await until(() => stateOf(redis.pid) === 'T')
    let said = ''
    const asked = redis.command('PING').then(answer => (said = answer))
    for (let ping = 0; ping < 5; ping++) await other.command('PING')
    expect(said).toBe('')
    redis.resume()

    expect(await asked).toBe('PONG')
  })

  test('speaks TLS and nothing else with a certificate of its own', async () => {
    const redis = await startRedis({ tls: true })

    expect(redis.url).toBe(`rediss://127.0.0.1:${redis.port}/0`)
    expect(await redis.command('PING')).toBe('PONG')
    const socket = connect({ host: '127.0.0.1', port: redis.port, ca: readFileSync(redis.ca!) })
    await once(socket, 'secureConnect')
    expect(socket.authorized).toBe(true)
    socket.destroy()
  })

  test('knows its users', async () => {
    const redis = await startRedis({ users: ['app on >password ~app:* &* +@all'] })

    const words = ['--user', 'app', '--pass', 'password', '--no-auth-warning']
    expect(await redis.command(...words, 'SET', 'app:key', 'value')).toBe('OK')
    await expect(redis.command(...words, 'SET', 'key', 'value')).rejects.toThrow('NOPERM')
  })

  test('says why it does not start, and leaves nothing', async () => {
    let end: (() => Promise<void>) | undefined
    const started = startRedis({ args: ['--nonsense', 'yes'], atEnd: stop => void (end = stop) })

    await expect(started).rejects.toThrow('Bad directive or wrong number of arguments')
    await end!()
  })

  test('leaves nothing behind when it is stopped', async () => {
    const redis = await startRedis()

    await redis.stop()
    await redis.stop()

    expect(existsSync(redis.folder)).toBe(false)
    expect(stateOf(redis.pid)).toBeUndefined()
  })

  test.each(['SIGKILL', 'SIGTERM', 'exit'] as const)('is gone when its test process ends: %s', async how => {
    const source = `
      const { startRedis } = await import(${JSON.stringify(import.meta.resolve('./redis.ts'))})
      const { pid, folder } = await startRedis({ atEnd: () => undefined })
      console.log(JSON.stringify({ pid, folder }))
      process.stdin.resume().once('data', () => process.exit())`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string]
    const { pid, folder } = JSON.parse(line) as { pid: number; folder: string }
    expect(stateOf(pid)).toBeDefined()

    if (how === 'exit') owner.stdin.write('\n')
    else owner.kill(how)

    await until(() => stateOf(pid) === undefined && !existsSync(folder))
  })
})

describe('a Redis cluster', () => {
  test('of three primaries is whole', async () => {
    const cluster = await startRedisCluster()

    expect(await cluster.primaries()).toEqual(cluster.nodes)
    expect(cluster.url).toBe(`redis-cluster://${cluster.nodes.map(node => `127.0.0.1:${node.port}`).join(',')}`)
    for (const key of ['a', 'b', 'c', 'd']) expect(await cluster.nodes[0]!.command('-c', 'SET', key, key)).toBe('OK')
  })

  test('replaces a primary that is killed by its replica', async () => {
    const cluster = await startRedisCluster({ replicas: 1 })
    const [first, second, third, heir] = cluster.nodes
    expect(cluster.nodes.map(node => node.role())).toEqual([...Array(3).fill('primary'), ...Array(3).fill('replica')])
    // Slot 5061: the first primary's.
    await first!.command('SET', 'bar', 'value')
    expect(await first!.command('WAIT', '1', '5000')).toBe('1')

    await first!.kill()
    const now = await until(async () => {
      const primaries = await cluster.primaries()
      return primaries.length === 3 && !primaries.includes(first!) ? primaries : undefined
    })

    expect(now).toEqual([second, third, heir])
    expect(await heir!.command('GET', 'bar')).toBe('value')
    await first!.restart()
    await until(async () => (await first!.command('ROLE')).startsWith('slave'))
    expect(await cluster.primaries()).toEqual([second, third, heir])
  })

  test('leaves nothing behind when it is stopped', async () => {
    const cluster = await startRedisCluster()

    await cluster.stop()

    for (const { pid, folder } of cluster.nodes) expect([stateOf(pid), existsSync(folder)]).toEqual([undefined, false])
  })
})

/** As Linux has it: `S` sleeps, `T` is stopped; a dead one that nobody asked about is none. */
function stateOf(pid: number): string | undefined {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0]
    return state === 'Z' ? undefined : state
  } catch {
    return undefined
  }
}
