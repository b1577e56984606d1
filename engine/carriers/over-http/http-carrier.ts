// What all HTTP carriers share: a provider says how a message becomes a request
// and what answers and calls mean; connections, limits, certainty and the order
// "verify, store, then answer" are here.

import { EngineError } from '../../errors.ts'
import { longestCarrierId } from '../carrier.ts'
import type { CallbackAnswer, CallbackRequest, Carrier, CarrierCallbacks, CarrierEvents } from '../carrier.ts'
import type { CarrierParts, CarrierReport, InboundSms, Refusal, Submission, SubmitResult } from '../carrier.ts'
import { createHttpClient, type HttpAnswer, type HttpRequest, type NotSent } from './http-client.ts'
import { checkBaseUrl, type HttpSettings } from './http-settings.ts'
import { providerWords } from './provider-words.ts'
import { createTokenBucket } from '../token-bucket.ts'

export type { HttpAnswer, HttpRequest } from './http-client.ts'
export { baseUrl, callbackAddress, fieldsOfParams, httpSettings, paramFields } from './http-settings.ts'
export type { HttpSettings } from './http-settings.ts'

/** What an HTTP provider is: how a message becomes a request, and what its answers and calls mean. */
export interface HttpProvider {
  readonly driver: string
  /** What must not stand in an error, should an answer repeat it. */
  readonly secrets?: readonly string[]
  /** Whether `judge` is asked about redirects, 408, 429 and 5xx as well: of a provider whose body says more than its status. */
  readonly judgesAll?: boolean
  /** The request that submits one message. `path` is below `baseUrl`, which may have a path itself. */
  request(message: Submission): HttpRequest
  /** What the answer means; redirects, 408, 429 and 5xx are judged by httpVerdict before. Throws when the answer does not tell whether the message was taken. */
  judge(answer: HttpAnswer, message: Submission): SubmitResult
  /** Throws EngineError('forbidden') unless the call is proven to come from the provider; without it the secret in the address is the proof. */
  verify?(call: CallbackRequest): void
  /** The reports in a call; intermediate states are left out. Throws EngineError('invalid_request') for what cannot be read. */
  reports?(call: CallbackRequest): CarrierReport[]
  inbound?(call: CallbackRequest): InboundSms[]
  /** What a provider wants to hear, if not an empty 200. */
  readonly answer?: CallbackAnswer
}

export function createHttpCarrier(
  name: string,
  settings: HttpSettings,
  provider: HttpProvider,
  parts: CarrierParts,
  /** What the rate goes by, ms. */
  monotonic?: () => number,
): Carrier {
  const { timeoutMs, window } = settings
  const client = createHttpClient(checkBaseUrl(name, settings), {
    timeoutMs,
    connections: window,
    clock: parts.clock,
  })
  const callbackSecret = settings.callbackSecret ?? parts.callbackSecret
  const secrets = [callbackSecret, ...(provider.secrets ?? [])]
  let events: CarrierEvents | undefined
  const share = (): number => events?.share?.() ?? 1
  const bucket = createTokenBucket(settings.rate, monotonic, share)
  let open = false
  let inFlight = 0
  let refill: NodeJS.Timeout | undefined
  let idle: (() => void) | undefined

  const room = (): number => (open ? Math.max(0, Math.min(window - inFlight, bucket.available())) : 0)

  async function submit(message: Submission): Promise<SubmitResult> {
    if (!open) return { accepted: false, verdict: 'later', error: 'the carrier is stopped' }
    inFlight++
    bucket.take()
    if (bucket.available() === 0) tellWhenRefilled()
    try {
      return await ask(message)
    } finally {
      inFlight--
      if (inFlight === 0) idle?.()
      if (inFlight === window - 1) tellOfRoom()
    }
  }

  async function ask(message: Submission): Promise<SubmitResult> {
    let request: HttpRequest
    try {
      request = provider.request(message)
    } catch (cause) {
      return { accepted: false, verdict: 'elsewhere', error: `no request: ${(cause as Error).message}` }
    }
    const answer = await client.send(request, { notAfter: message.expiresAt })
    if ('notSent' in answer) return { accepted: false, ...unsent[answer.why], error: answer.error }
    const verdict = provider.judgesAll === true || isJudgedByProvider(answer.status) ? undefined : httpVerdict(answer)
    const result = verdict ?? provider.judge(answer, message)
    if (result.accepted) return { accepted: true, carrierIds: readable(result.carrierIds) }
    const { to, text } = message
    return { ...result, error: providerWords(result.error, [...secrets, text, to, to.slice(1)]) }
  }

  /** Where the window is full, the next answer tells. */
  function tellOfRoom(): void {
    if (!open) return
    if (room() > 0) events?.room()
    else if (inFlight < window) tellWhenRefilled()
  }

  /** A timer may fire before its time by the bucket's clock: then it is set anew. */
  function tellWhenRefilled(): void {
    refill ??= setTimeout(
      () => {
        refill = undefined
        tellOfRoom()
      },
      Math.min(longestTimerMs, Math.max(1, bucket.waitMs())),
    ).unref()
  }

  /** Resolves when all of the call is stored: only then may the provider forget it. */
  async function take<Item>(
    call: CallbackRequest,
    read: (call: CallbackRequest) => Item[],
    store: (events: CarrierEvents, item: Item) => Promise<unknown>,
  ): Promise<CallbackAnswer> {
    provider.verify?.(call)
    const items = read(call)
    const wired = events
    if (wired === undefined) throw new EngineError('overloaded')
    await Promise.all(items.map(item => store(wired, item)))
    return provider.answer ?? {}
  }

  /** When nothing is under way any more, or the patience with it is over. */
  function settled(): Promise<void> {
    return new Promise(resolve => {
      if (inFlight === 0) return resolve()
      const patience = setTimeout(resolve, drainMs)
      idle = () => {
        clearTimeout(patience)
        resolve()
      }
    })
  }

  function cleaned(report: CarrierReport): CarrierReport {
    return report.error === null ? report : { ...report, error: providerWords(report.error, secrets) }
  }

  const { reports, inbound } = provider
  const callbacks: CarrierCallbacks = {
    secret: callbackSecret,
    ...(reports && { report: call => take(call, reports, (wired, report) => wired.report(cleaned(report))) }),
    ...(inbound && { sms: call => take(call, inbound, (wired, sms) => wired.inbound(sms)) }),
  }

  return {
    name,
    driver: provider.driver,
    onUncertain: settings.onUncertain,
    room,
    ready: () => open,
    status: () => ({ window, inFlight, rate: settings.rate === undefined ? null : settings.rate * share() }),
    submit,
    async start(given) {
      await client.open()
      events = given
      open = true
      given.room()
    },
    async stop() {
      open = false
      clearTimeout(refill)
      await settled()
      await client.close()
    },
    ...((reports ?? inbound) && { callbacks }),
  }
}

/** At a stop: for what is under way. The outbox has waited before; what is left is uncertain. */
const drainMs = 1_000
const longestTimerMs = 2 ** 31 - 1

const unsent: Readonly<Record<NotSent['why'], Omit<Refusal, 'accepted' | 'error'>>> = {
  network: { verdict: 'elsewhere', carrierAtFault: true },
  request: { verdict: 'elsewhere' },
  // Whoever hands it over again sees that it has expired.
  late: { verdict: 'later', unasked: true },
  stopped: { verdict: 'later' },
}

/** A text of 1,600 characters has fewer parts. */
const mostIds = 255

/** Ids as reports can be looked up by. Throws for what no provider gives as an id: it took the message perhaps. */
function readable(ids: readonly string[]): readonly string[] {
  if (ids.some(id => id.length > longestCarrierId)) throw new Error(`an id of more than ${longestCarrierId} characters`)
  if (ids.length > mostIds) throw new Error(`more than ${mostIds} ids for one message`)
  return ids
}

/** Statuses that a provider uses to say something of its own about a message. */
function isJudgedByProvider(status: number): boolean {
  return (status >= 200 && status < 300) || (status >= 400 && status < 500 && status !== 408 && status !== 429)
}

/** A proxy had no answer from the provider behind it (502, 504, and Cloudflare's 520 and 524), which may have taken the message. */
const unknownStatuses = new Set([502, 504, 520, 524])

/**
 * What a status alone says; undefined for 2xx. Throws where it tells that nobody knows.
 *
 *   408       the request did not arrive whole: later
 *   429       too many: later, for all of them
 *   5xx       the provider failed, and says so: later; with 503 and Retry-After for all of them
 *   401, 403  our credentials, not the message: elsewhere
 *   others    it does not understand us, or has moved: elsewhere, never again here
 */
export function httpVerdict({ status, headers }: HttpAnswer): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined
  if (unknownStatuses.has(status)) throw new Error(`HTTP ${status}: a proxy got no answer from the provider`)
  const error = `HTTP ${status}`
  if (status === 429 || (status === 503 && headers['retry-after'] !== undefined))
    return { accepted: false, verdict: 'later', error, throttled: true }
  // It does not know us, or fails by itself: that is no word on the message.
  const carrierAtFault = status === 401 || status === 403 || status >= 500
  const verdict = status === 408 || status >= 500 ? 'later' : 'elsewhere'
  return { accepted: false, verdict, error, ...(carrierAtFault && { carrierAtFault }) }
}
