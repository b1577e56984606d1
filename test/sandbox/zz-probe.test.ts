import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { createTestEngine } from '../helpers.ts'
test('probe', async () => {
  const e = await createTestEngine({ files: { 'p.ts': readFileSync('/tmp/probe/p.ts', 'utf8') } })
  const a = await e.post('/p', {})
  console.log(
    JSON.stringify(a.body, null, 1),
    JSON.stringify((await e.get('/admin/runs/' + a.headers.get('x-run-id'))).body.trace, null, 1),
  )
})
