import { randomInt } from 'node:crypto'

import { expect, test } from 'vitest'

import { until } from '../../helpers.ts'
import { openCarrier, submission } from './open-carrier.ts'
import { startRawSmsc } from './raw-smsc.ts'

const total = process.env.PATCHCORD_TEST_LONG ? 100_000 : 2_000

test.each([1, 3])(
  'however often one of %i connections breaks, what was accepted had arrived and what was given back had not',
  async sessions => {
    const arrived = new Set<string>()
    const smsc = await startRawSmsc({
      on({ command, sequence, fields }, peer) {
        if (command !== 'submit_sm') return false
        arrived.add(fields.destinationAddr!)
        const chance = randomInt(150)
        if (chance === 0) peer.socket.destroy()
        // Both in one write: what is submitted into the room that the answer makes is not written yet.
        if (chance === 1) peer.socket.cork()
        peer.send('submit_sm_resp', sequence, { fields: { messageId: 'a' } })
        if (chance === 1) {
          peer.send('unbind', 1)
          peer.socket.uncork()
        }
        return true
      },
    })
    const { carrier } = await openCarrier(smsc.port, { sessions, window: 20, reconnectMs: 1, unbindTimeoutMs: 20 })
    const ends = { accepted: 0, givenBack: 0, uncertain: 0 }
    const wrong: string[] = []

    async function submitOne(number: number) {
      const to = String(10_000_000 + number)
      try {
        const { accepted } = await carrier.submit(submission({ to: `+${to}` }))
        ends[accepted ? 'accepted' : 'givenBack']++
        if (accepted !== arrived.has(to)) wrong.push(to)
      } catch {
        ends.uncertain++
      }
    }

    const submits: Array<Promise<void>> = []
    while (submits.length < total) {
      await until(() => carrier.room() > 0 || undefined)
      // More than there is room for, so that some wait.
      for (let count = carrier.room() + 5; count > 0; count--) submits.push(submitOne(submits.length))
    }
    await Promise.all(submits)
    expect(wrong).toEqual([])
    expect(ends.accepted + ends.givenBack + ends.uncertain).toBe(submits.length)
    expect(ends.accepted).toBeGreaterThan(total / 2)
    expect(ends.uncertain).toBeGreaterThan(0)
    // With one connection, what waits for a place when it breaks has nowhere to go.
    if (sessions === 1) expect(ends.givenBack).toBeGreaterThan(0)
    expect(smsc.peers.length).toBeGreaterThan(sessions)
  },
)
