import { describe, expect, test } from 'vitest'

import { createHistogram, writeMetrics } from '../../engine/metrics.ts'
import { createTestEngine, type TestEngine } from '../helpers.ts'
import { readPrometheusText } from './prometheus-text.ts'

async function scrape({ get }: TestEngine) {
  const { status, headers, body } = await get('/metrics')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const families = readPrometheusText(body)
  return {
    text: body as string,
    families,
    /** The value of one series. */
    value(name: string, labels: Record<string, string> = {}): number | undefined {
      const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
      return family?.samples.find(
        sample =>
          sample.name === name &&
          Object.keys(sample.labels).length === Object.keys(labels).length &&
          Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
      )?.value
    },
    labelValues: (name: string, label: string) =>
      new Set((families.get(name)?.samples ?? []).map(({ labels }) => labels[label])),
  }
}

describe('GET /metrics', () => {
  test('is what Prometheus reads, and counts what was done', async () => {
    const carriers = {
      main: { driver: 'loopback', receiptAfterMs: 0, failures: ['elsewhere'] },
      spare: { driver: 'loopback' },
    }
    const files = { 'refuses.ts': `export default () => { throw refuse('no', { status: 409 }) }` }
    const engine = await createTestEngine({ scripts: ['sms'], files, config: { carriers } })
    for (const [index, state] of (['sent', 'delivered'] as const).entries()) {
      const { body } = await engine.post('/sms', { number: `+1201555012${index}`, text: 'secret text' })
      await engine.reaches(body.id, state)
    }
    await engine.post('/refuses', {})

    const { value, families, text } = await scrape(engine)

    expect(value('patchcord_build_info', { version: '0.1.0' })).toBe(1)
    expect(value('patchcord_storage_up')).toBe(1)
    expect(value('patchcord_messages_accepted_total')).toBe(2)
    expect(value('patchcord_messages_total', { carrier: 'main', state: 'delivered' })).toBe(1)
    expect(value('patchcord_messages_total', { carrier: 'spare', state: 'sent' })).toBe(1)
    expect(value('patchcord_submits_total', { carrier: 'main', outcome: 'refused' })).toBe(1)
    expect(value('patchcord_submits_total', { carrier: 'main', outcome: 'accepted' })).toBe(1)
    expect(value('patchcord_queue_messages', { carrier: 'main' })).toBe(0)
    expect(value('patchcord_carrier_up', { carrier: 'main' })).toBe(1)
    expect(value('patchcord_carrier_in_flight', { carrier: 'main' })).toBe(0)
    expect(value('patchcord_carrier_window', { carrier: 'main' })).toBe(500)
    expect(value('patchcord_submit_seconds_count', { carrier: 'main' })).toBe(2)
    expect(value('patchcord_submit_seconds', { carrier: 'main', quantile: '0.99' })).toBeGreaterThanOrEqual(0)
    expect(value('patchcord_delivery_seconds_count', { carrier: 'main' })).toBe(1)
    expect(value('patchcord_delivery_seconds', { carrier: 'spare', quantile: '0.5' })).toBeNaN()
    expect(value('patchcord_sent_seconds_count', { carrier: 'spare' })).toBe(1)
    expect(value('patchcord_runs_total', { script: 'sms', outcome: 'answer' })).toBe(2)
    expect(value('patchcord_runs_total', { script: 'refuses', outcome: 'refusal' })).toBe(1)
    expect(value('patchcord_runs_running')).toBe(0)
    expect(value('patchcord_http_requests_total', { method: 'POST', route: '/sms', status: '200' })).toBe(2)
    expect(value('patchcord_http_requests_total', { method: 'POST', route: '/refuses', status: '409' })).toBe(1)
    expect(value('patchcord_http_request_seconds_count', { route: '/sms' })).toBe(2)
    expect(value('patchcord_sandbox_kills_total')).toBe(0)
    expect(families.get('patchcord_sandbox_processes')?.samples.length).toBeGreaterThan(0)
    for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
      expect(value(name), name).toBeGreaterThan(0)
    expect(families.get('nodejs_gc_duration_seconds')?.type).toBe('histogram')
    expect(text).not.toMatch(/secret|15550\d/)
  })

  test('has labels of few values, whatever was asked', async () => {
    const engine = await createTestEngine({ scripts: ['sms'] })
    const id = (await engine.post('/sms', { number: '+12015550123', text: 'x' })).body.id
    for (let i = 0; i < 20; i++) {
      await engine.get(`/nowhere/at/all/${i}`)
      await engine.get(`/script${i}`)
      await engine.post(`/sms/action${i}`, {})
      await engine.get(`/admin/messages/${i}?number=%2B1201555012${i}`)
    }
    await engine.get(`/admin/messages/${id}`)
    for (const method of ['PROPFIND', 'MKCOL', 'LOCK', 'PUT']) await engine.call(method, '/sms')
    await engine.get('/admin/stats', { token: null })

    const { labelValues } = await scrape(engine)

    expect(labelValues('patchcord_http_requests_total', 'route')).toEqual(
      new Set(['/sms', 'none', '/:script', '/:script/:action', '/admin/messages/:id', '/admin/stats']),
    )
    expect(labelValues('patchcord_http_requests_total', 'method')).toEqual(new Set(['GET', 'POST', 'PUT', 'other']))
    expect(labelValues('patchcord_http_requests_total', 'status')).toEqual(new Set(['200', '401', '404', '405']))
  })

  test('needs the scope metrics or admin, and no other', async () => {
    const engine = await createTestEngine()
    for (const scope of ['metrics', 'admin'])
      expect((await engine.get('/metrics', { token: await engine.newToken({ scopes: [scope] }) })).status).toBe(200)
    expect((await engine.get('/metrics', { token: await engine.newToken({ scopes: ['run:*'] }) })).status).toBe(403)
    expect((await engine.get('/metrics', { token: null })).status).toBe(401)
  })

  test('answers while the storage is away, and says so', async () => {
    const engine = await createTestEngine()
    await engine.engine.storage.close()

    const { value, families } = await scrape(engine)

    expect(value('patchcord_storage_up')).toBe(0)
    expect(families.get('patchcord_queue_messages')?.samples).toEqual([])
    expect(value('patchcord_runs_running')).toBe(0)
  })

  test('is of one engine alone, but for what the process is', async () => {
    const first = await createTestEngine({ scripts: ['sms'] })
    await first.post('/sms', { number: '+12015550123', text: 'x' })
    const second = await createTestEngine({ scripts: ['sms'] })

    expect((await scrape(first)).value('patchcord_messages_accepted_total')).toBe(1)
    const { value, labelValues } = await scrape(second)
    expect(value('patchcord_messages_accepted_total')).toBe(0)
    expect(labelValues('patchcord_http_requests_total', 'route')).toEqual(new Set())
    expect(value('process_start_time_seconds')).toBe((await scrape(first)).value('process_start_time_seconds'))
  })
})

test('names in labels are escaped', async () => {
  const labels = { carrier: 'a"b\\c\nd', empty: '' }
  const families = readPrometheusText(
    await writeMetrics([{ name: 'patchcord_test', type: 'gauge', help: 'A test', samples: [{ labels, value: 1 }] }]),
  )
  expect(families.get('patchcord_test')?.samples).toEqual([{ name: 'patchcord_test', labels, value: 1 }])
})

test('a histogram counts each value in its bucket and in all above', async () => {
  const histogram = createHistogram([0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 1, 7]) histogram.observe(value)
  const values = histogram.samples({}).map(({ labels, part, value }) => [part, labels['le'], value])
  expect(values).toEqual([
    ['bucket', '0.1', 2],
    ['bucket', '1', 4],
    ['bucket', '+Inf', 5],
    ['sum', undefined, 8.65],
    ['count', undefined, 5],
  ])
})
