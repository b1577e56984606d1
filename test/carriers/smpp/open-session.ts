// One session for a test, without a carrier around it.

import { onTestFinished } from 'vitest'

import type { Pdu } from '../../../engine/carriers/smpp/wire/pdu.ts'
import type { Closed } from '../../../engine/carriers/smpp/session/session-events.ts'
import type { SessionSettings } from '../../../engine/carriers/smpp/session/session-settings.ts'
import { createSession } from '../../../engine/carriers/smpp/session/session.ts'
import { until } from '../../helpers.ts'
import { sessionSettings } from './session-settings.ts'

/** Of a submit, or of a delivery. */
export const fields = { destinationAddr: '12015550123', shortMessage: Buffer.from('hello') }
export const noTlvs = new Map<number, Buffer>()

/** Ends with the test. */
export function openSession(
  port: number,
  more: Partial<SessionSettings> = {},
  deliver: (pdu: Pdu) => Promise<void> = async () => {},
) {
  const closed: Closed[] = []
  const unanswered: Pdu[] = []
  let rooms = 0
  const hooks = { room: () => {} }
  const session = createSession(
    { ...sessionSettings(port), kind: 'transceiver', systemType: 'VMA', ...more },
    {
      bound() {},
      room() {
        rooms++
        hooks.room()
      },
      deliver,
      unanswered: pdu => unanswered.push(pdu),
      closed: why => closed.push(why),
    },
  )
  onTestFinished(() => session.unbind(20))
  return {
    session,
    hooks,
    unanswered,
    rooms: () => rooms,
    bound: () => until(() => session.state() === 'bound' || undefined),
    closed: () => until(() => closed[0]),
  }
}

/** A submit that has to have a place. */
export function submit({ session }: Pick<ReturnType<typeof openSession>, 'session'>) {
  const outcome = session.submit(fields, noTlvs)
  if (outcome === undefined) throw new Error('no free place')
  return outcome
}
