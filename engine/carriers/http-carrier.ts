// What all HTTP carriers share: a provider says how a message becomes a request
// and what answers and calls mean; connections, limits, certainty and the order
// "verify, store, then answer" are here.

import { EngineError } from '../errors.ts'
import type { CallbackAnswer, CallbackRequest, Carrier, CarrierCallbacks, CarrierEvents } from './carrier.ts'
import type { CarrierParts, CarrierReport, InboundSms, Refusal, Submission, SubmitResult } from './carrier.ts'
import { createHttpClient, type HttpAnswer, type HttpRequest } from './http-client.ts'
import { checkBaseUrl, type HttpSettings } from './http-settings.ts'
import { providerWords } from './provider-words.ts'
import { createTokenBucket } from './token-bucket.ts'

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
): Carrier {
  const client = createHttpClient(checkBaseUrl(name, settings), settings)
  const bucket = createTokenBucket(settings.rate)
  const callbackSecret = settings.callbackSecret ?? parts.callbackSecret
  const secrets = [callbackSecret, ...(provider.secrets ?? [])]
  let events: CarrierEvents | undefined
  let open = false
  let inFlight = 0
  let refill: NodeJS.Timeout | undefined
  let idle: (() => void) | undefined

  const room = (): number => (open ? Math.max(0, Math.min(settings.window - inFlight, bucket.available())) : 0)

  async function submit(message: Submission): Promise<SubmitResult> {
    if (!open) return { accepted: false, verdict: 'later', error: 'the carrier is stopped' }
    inFlight++
    bucket.take()
    tellWhenRefilled()
    try {
      return await ask(message)
    } finally {
      inFlight--
      if (inFlight === 0) idle?.()
      if (open && inFlight === settings.window - 1) events?.room()
    }
  }

  async function ask(message: Submission): Promise<SubmitResult> {
    let request: HttpRequest
    try {
      request = provider.request(message)
    } catch (cause) {
      return { accepted: false, verdict: 'elsewhere', error: `no request: ${(cause as Error).message}` }
    }
    const answer = await client.send(request)
    if ('notSent' in answer) {
      return { accepted: false, verdict: 'elsewhere', error: answer.error, carrierAtFault: true }
    }
    const verdict = provider.judgesAll === true || isJudgedByProvider(answer.status) ? undefined : httpVerdict(answer)
    const result = verdict ?? provider.judge(answer, message)
    if (result.accepted) return result
    const { to, text } = message
    return { ...result, error: providerWords(result.error, [...secrets, text, to, to.slice(1)]) }
  }

  function tellWhenRefilled(): void {
    if (refill !== undefined || bucket.available() > 0) return
    refill = setTimeout(() => {
      refill = undefined
      if (room() > 0) events?.room()
      else tellWhenRefilled()
    }, bucket.waitMs())
    refill.unref()
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
    status: () => ({ window: settings.window, inFlight, rate: settings.rate ?? null }),
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
      // What is under way has its timeout, so this ends.
      if (inFlight > 0) await new Promise<void>(resolve => void (idle = resolve))
      await client.close()
    },
    ...((reports ?? inbound) && { callbacks }),
  }
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
