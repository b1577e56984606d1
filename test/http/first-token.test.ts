import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { createTestEngine, newFolder, type TestEngine } from '../helpers.ts'

const files = { 'me.ts': 'export default async (request, call) => call.token' }
const tokenFile = (folder: string) => join(folder, 'data', 'token')

async function again({ folder, stop }: TestEngine): Promise<TestEngine> {
  await stop()
  return createTestEngine({ folder })
}

describe('the first token', () => {
  test('has every scope and the app default, and is still good after a restart', async () => {
    const first = await createTestEngine({ files })
    expect((await first.post('/me', {})).body).toMatchObject({
      app: 'default',
      brand: null,
      scopes: ['run:*', 'code:read', 'pii:read', 'metrics', 'admin'],
    })

    const second = await again(first)
    expect(second.token).toBe(first.token)
    expect((await second.post('/me', {})).status).toBe(200)
    expect((await second.get('/admin/tokens')).body.tokens).toHaveLength(1)
  })

  test('lies with the secret and the database where only their owner reads', async () => {
    const { folder } = await createTestEngine()
    const data = join(folder, 'data')

    const names = await readdir(data)
    expect(names).toEqual(expect.arrayContaining(['token', 'secret', 'patchcord.db']))
    for (const name of names) expect(((await stat(join(data, name))).mode & 0o777).toString(8), name).toBe('600')
    expect(((await stat(data)).mode & 0o777).toString(8)).toBe('700')
  })

  test('is made anew when its file is gone; the old one stays good until it is deleted', async () => {
    const first = await createTestEngine({ files })
    await rm(tokenFile(first.folder))

    const second = await again(first)
    expect(second.token).not.toBe(first.token)
    expect((await second.post('/me', {})).status).toBe(200)
    expect((await second.post('/me', {}, { token: first.token })).status).toBe(200)
    expect((await stat(tokenFile(second.folder))).mode & 0o777).toBe(0o600)
  })

  test('is made anew when the storage does not know what the file holds', async () => {
    const first = await createTestEngine({ files })
    await writeFile(tokenFile(first.folder), 'pc_of_another_storage\n')
    const second = await again(first)
    expect((await second.post('/me', {})).status).toBe(200)

    await second.call('DELETE', `/admin/tokens/${(await second.post('/me', {})).body.id}`)
    const third = await again(second)
    expect(third.token).not.toBe(second.token)
    expect((await third.post('/me', {})).status).toBe(200)
  })

  test('is not needed while PATCHCORD_TOKEN names one, which is good for as long as it is set', async () => {
    const token = 'a token of 24 characters'.replaceAll(' ', '-')
    const folder = await newFolder()
    const first = await createTestEngine({ files, folder, environment: { PATCHCORD_TOKEN: token } })

    expect((await first.post('/me', {}, { token })).body).toMatchObject({ app: 'default', brand: null })
    expect((await first.get('/admin/tokens', { token })).status).toBe(200)
    expect(await readdir(join(folder, 'data'))).not.toContain('token')

    const second = await again(first)
    expect((await second.post('/me', {}, { token })).status).toBe(401)
    expect((await readFile(tokenFile(folder), 'utf8')).trim()).toBe(second.token)
  })
})
