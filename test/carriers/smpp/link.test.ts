import { onTestFinished, expect, test } from 'vitest'

import { createLink } from '../../../engine/carriers/smpp/link.ts'
import { until } from '../../helpers.ts'
import { sessionSettings } from './session-settings.ts'

test('what Node refuses for a socket is trouble, and tried again', async () => {
  const troubles: string[] = []
  const nothing = () => undefined
  const link = createLink(
    {
      settings: { ...sessionSettings(65_536), kind: 'transceiver' },
      backoff: { reconnectMs: 1, reconnectMostMs: 1, refusedMs: 1, refusedMostMs: 1 },
      random: () => 0,
      clock: Date.now,
    },
    {
      changed: nothing,
      room: nothing,
      unanswered: nothing,
      deliver: async () => {},
      trouble: error => troubles.push(error),
    },
  )
  onTestFinished(() => link.stop(0))
  link.start()
  await until(() => troubles.length > 1 || undefined)
  expect(troubles[0]).toBe('cannot connect: ERR_SOCKET_BAD_PORT')
  expect(link.ready()).toBe(false)
})
