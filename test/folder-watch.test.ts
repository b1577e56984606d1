import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { lookAtFolder, watchFolder } from '../engine/folder-watch.ts'
import { newFolder, until } from './helpers.ts'

test('a file that is saved while the folder is read for the first time is not missed', async () => {
  const folder = await newFolder()
  const seen = await lookAtFolder(folder)
  await writeFile(join(folder, 'saved'), 'meanwhile')

  let changes = 0
  onTestFinished(watchFolder(folder, 10, seen, async () => void changes++))

  await until(() => changes > 0 || undefined)
})

test('a file that comes, is written, is renamed or goes is a change; a folder left alone is none', async () => {
  const folder = await newFolder()
  const path = join(folder, 'file')
  let changes = 0
  const change = async () => void changes++
  onTestFinished(watchFolder(folder, 10, await lookAtFolder(folder), change))

  for (const [index, touch] of [
    () => writeFile(path, 'one'),
    () => writeFile(path, 'one more'),
    () => rename(path, `${path}2`),
    () => rm(`${path}2`),
  ].entries()) {
    await touch()
    await until(() => changes > index || undefined)
  }
  const seen = await lookAtFolder(folder)
  expect(await lookAtFolder(folder)).toBe(seen)
})

test('a link whose file was written is a change', async () => {
  const [folder, elsewhere] = [await newFolder(), await newFolder()]
  const path = join(elsewhere, 'file')
  await writeFile(path, 'one')
  await symlink(path, join(folder, 'link'))
  const seen = await lookAtFolder(folder)

  await writeFile(path, 'one more')

  expect(await lookAtFolder(folder)).not.toBe(seen)
})
