// One SMPP 3.4 session: connects, binds, submits within its window, takes what
// the network delivers, and ends. It never comes back; link.ts opens the next.
//
//   connecting → binding → bound → unbinding → closed
//
// What is certain when it ends: a submit whose octets were never handed to the
// socket did not leave (`unsent`); any other without an answer may have arrived
// (`lost`).

import type { PduFields } from '../wire/bodies.ts'
import { responseTo, type CommandName } from '../wire/commands.ts'
import { createDeliveries } from './deliveries.ts'
import { createFramer } from '../wire/framing.ts'
import { createIncoming } from './incoming.ts'
import { openSocket } from './open-socket.ts'
import { createOutgoing } from './outgoing.ts'
import { encodePdu, type Pdu } from '../wire/pdu.ts'
import { createPending, type Outcome } from './pending.ts'
import { createSequence } from './sequence.ts'
import type { SessionEvents } from './session-events.ts'
import type { SessionSettings } from './session-settings.ts'
import { statuses } from '../wire/statuses.ts'
import { createWatch } from './watch.ts'

export type SessionState = 'connecting' | 'binding' | 'bound' | 'unbinding' | 'closed'

export interface Session {
  state(): SessionState
  /** Free places in the window; 0 while nothing can be sent. */
  free(): number
  inFlight(): number
  /** Answers that came when nobody waited for them any more. */
  late(): number
  /** Undefined without a free place; throws RangeError for a field that is too long. */
  submit(fields: PduFields, tlvs: ReadonlyMap<number, Buffer>): Promise<Outcome> | undefined
  /** Takes nothing more, lets what is open end within that time, unbinds and closes; resolves when the socket is gone. */
  unbind(withinMs: number): Promise<void>
  /** Ends it at once, whatever is open. */
  cut(reason: string): void
}

/** Answers that may wait for a peer that does not read, before we read no more of what it sends. */
const waitingAnswers = 1_000

export function createSession(settings: SessionSettings, events: SessionEvents): Session {
  let state: SessionState = 'connecting'
  let late = 0
  let timer: NodeJS.Timeout | undefined
  /** Called when no submit and no delivery is open any more. */
  let idle: (() => void) | undefined
  let enquiry = 0
  // What answers to the bind, the unbind and the last enquire_link do.
  const control = new Map<number, (pdu: Pdu) => void>()
  const gone = Promise.withResolvers<void>()
  const socket = openSocket(settings, opened)
  const pending = createPending(settings.responseTimeoutMs, () => {
    if (outgoing.full()) return close('the peer reads nothing')
    becomeIdle()
    events.room()
  })
  const nextSequence = createSequence(number => pending.has(number) || control.has(number), settings.sequenceStart)
  const outgoing = createOutgoing(socket, settings.enquireTimeoutMs, {
    writing() {
      pending.written()
      deliveries.written()
    },
    drained() {
      readAgain()
      events.room()
    },
    // Also one that talks without end: nothing is read while it takes no answers.
    stalled: () => close('the peer reads nothing'),
  })
  const deliveries = createDeliveries({
    most: settings.openDeliveries,
    events,
    answer: ({ command, sequence }, status) => reply(responseTo(command)!, sequence, status),
    pause: () => socket.pause(),
    eased() {
      readAgain()
      becomeIdle()
    },
  })
  const watch = createWatch(settings, {
    paused: () => socket.isPaused(),
    ask() {
      control.delete(enquiry)
      enquiry = request('enquire_link', {}, () => {})
    },
    dead: close,
  })
  const take = createIncoming({
    bound: () => state === 'bound' || state === 'unbinding',
    reply,
    answer: takeAnswer,
    deliver: deliveries.take,
    unbind: takeUnbind,
  })
  const framer = createFramer({
    frame(octets) {
      watch.whole()
      if (state !== 'closed') take(octets)
    },
    wrong({ status }) {
      lastWord('generic_nack', 0, status)
      close('a PDU of impossible length')
    },
  })

  wait(settings.connectTimeoutMs, () => close('no connection in time'))
  socket.on('data', (chunk: Buffer) => {
    if (state === 'closed') return
    framer.push(chunk)
    watch.heard(framer.partial())
  })
  socket.on('error', (error: NodeJS.ErrnoException) => close(`connection lost: ${error.code ?? error.message}`))
  socket.on('close', () => {
    close('connection lost: closed by the peer')
    gone.resolve()
  })

  function opened() {
    if (state !== 'connecting') return
    state = 'binding'
    wait(settings.bindTimeoutMs, () => close('no answer to the bind'))
    const { systemId, password, systemType } = settings
    const fields = { systemId, password, systemType, interfaceVersion: 0x34 }
    request(`bind_${settings.kind}`, fields, ({ command, status }) => {
      if (state !== 'binding') return
      if (status !== statuses.ESME_ROK) return close('bind refused', status)
      if (command === 'generic_nack') return close('no answer to the bind')
      clearTimeout(timer)
      state = 'bound'
      watch.bound()
      events.bound()
    })
  }

  function wait(ms: number, then: () => void) {
    clearTimeout(timer)
    timer = setTimeout(then, ms)
  }

  function request(command: CommandName, fields: PduFields, answered: (pdu: Pdu) => void): number {
    const sequence = nextSequence()
    control.set(sequence, answered)
    outgoing.put(encodePdu({ command, sequence, fields }))
    return sequence
  }

  function reply(command: CommandName, sequence: number, status: number = statuses.ESME_ROK) {
    outgoing.put(encodePdu({ command, status, sequence }))
    if (outgoing.full() && outgoing.waiting() >= waitingAnswers) socket.pause()
  }

  /** Submits that wait to be written stay here. */
  function lastWord(command: CommandName, sequence: number, status?: number) {
    pending.giveBack('the session ended')
    deliveries.giveBack()
    outgoing.clear()
    reply(command, sequence, status)
    outgoing.flush()
  }

  function takeAnswer(sequence: number, outcome: Outcome) {
    if (pending.answer(sequence, outcome)) {
      becomeIdle()
      return events.room()
    }
    const waiting = control.get(sequence)
    control.delete(sequence)
    if (waiting === undefined) late++
    else if (outcome.kind === 'answered') waiting(outcome.pdu)
    else close('an answer that cannot be read')
  }

  /** The peer takes no more submits; answers that are under way are still taken. */
  function takeUnbind(sequence: number) {
    state = 'unbinding'
    lastWord('unbind_resp', sequence)
    whenIdle(settings.unbindTimeoutMs, () => close('unbound by the peer'))
  }

  function whenIdle(withinMs: number, then: () => void) {
    idle = () => {
      idle = undefined
      then()
    }
    wait(withinMs, idle)
    becomeIdle()
  }

  function becomeIdle() {
    if (idle !== undefined && pending.size() === 0 && deliveries.open() === 0) idle()
  }

  function readAgain() {
    if (!socket.isPaused() || deliveries.storing() > settings.openDeliveries / 2) return
    if (!outgoing.full()) socket.resume()
  }

  function close(reason: string, refused?: number) {
    if (state === 'closed') return
    state = 'closed'
    clearTimeout(timer)
    watch.stop()
    pending.end(reason)
    deliveries.end()
    outgoing.end()
    // What was handed over may still leave.
    socket.destroySoon()
    const cutOff = setTimeout(() => socket.destroy(), settings.unbindTimeoutMs)
    socket.once('close', () => clearTimeout(cutOff))
    events.closed(refused === undefined ? { reason } : { reason, refused })
  }

  function free() {
    const isOpen = state === 'bound' && settings.kind !== 'receiver' && !outgoing.full()
    return isOpen ? Math.max(0, settings.window - pending.size()) : 0
  }

  return {
    state: () => state,
    free,
    inFlight: pending.size,
    late: () => late,
    submit(fields, tlvs) {
      if (free() === 0) return undefined
      const sequence = nextSequence()
      outgoing.put(encodePdu({ command: 'submit_sm', sequence, fields, tlvs }))
      return pending.add(sequence)
    },
    unbind(withinMs) {
      if (state === 'bound') {
        state = 'unbinding'
        whenIdle(withinMs, () => {
          wait(settings.unbindTimeoutMs, () => close('no answer to unbind'))
          request('unbind', {}, () => close('unbound'))
        })
      } else if (state !== 'unbinding') close('stopped')
      return gone.promise
    },
    cut(reason) {
      close(reason)
      socket.destroy()
    },
  }
}
