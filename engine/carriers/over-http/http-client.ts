// One HTTP request to a provider, and the one question that matters after it:
// did the request leave or not.
//
//   no connection (refused, DNS, TLS, time)      certain: nothing was sent
//   a request that HTTP does not have            certain: nothing was sent
//   a connection that came too late              certain: nothing was sent
//   broken or too slow once it was written       unknown: rejects
//   a whole answer                               certain
//   a broken answer with a status of 400 and up  certain: the status says it
//
// A kept connection that the provider closed is noticed before anything is
// written to it (undici lets a pending FIN come in first), and the request takes
// another one. Redirects are answers like others: whoever takes SMS moves to no
// other address without telling.

import type { Dispatcher, Pool } from 'undici'

export interface HttpRequest {
  method: 'GET' | 'POST'
  /** Below the carrier's `baseUrl`, begins with `/`. */
  path: string
  query?: Record<string, string>
  headers?: Record<string, string>
  /** One of these three, or nothing. */
  form?: Record<string, string> | URLSearchParams
  json?: unknown
  /** As it is; name its content-type in `headers`. */
  body?: string
}

export interface HttpAnswer {
  status: number
  /** By names in lower case. */
  headers: Record<string, string>
  text: string
  /** What the text is as JSON; undefined when it is none. */
  json(): unknown
}

/** Nothing left this machine. `error` holds no secret: a code of the system. */
export interface NotSent {
  notSent: true
  /** The provider cannot be reached; HTTP has no such request; its time was over; we were closing. */
  why: 'network' | 'request' | 'late' | 'stopped'
  error: string
}

export interface HttpClient {
  open(): Promise<void>
  /** Rejects only when it is not known whether the provider got the request; the error holds no secret. */
  send(request: HttpRequest, limits: SendLimits): Promise<HttpAnswer | NotSent>
  /** Breaks off what is under way. */
  close(): Promise<void>
}

export interface SendLimits {
  /** Nothing is written from then on, ms since 1970. */
  notAfter: number
}

export interface HttpClientSettings {
  /** For a connection, and from the first byte on for the whole answer. */
  timeoutMs: number
  /** As many as there are requests at once: one that had to wait for another's could go stale. */
  connections: number
  clock: () => number
}

const mostAnswerBytes = 262_144
/** Providers' proxies keep an idle connection for 60 s or longer and say so when they do not; home routers forget sooner. */
const idleMs = 15_000

export function createHttpClient(baseUrl: URL, settings: HttpClientSettings): HttpClient {
  const { timeoutMs, connections } = settings
  const basePath = baseUrl.pathname.replace(/\/+$/, '')
  let pool: Pool | undefined

  async function open(): Promise<void> {
    // Only an engine with such a carrier pays for undici's memory.
    const { Pool } = await import('undici')
    pool ??= new Pool(baseUrl.origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: idleMs,
      connect: { timeout: timeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  function send(request: HttpRequest, { notAfter }: SendLimits): Promise<HttpAnswer | NotSent> {
    if (pool === undefined) return Promise.resolve(notSent(stopped))
    const options = { ...wireForm(request), path: basePath + pathOf(request), method: request.method }
    return exchange(pool, options, { ...settings, notAfter })
  }

  return {
    open,
    send,
    async close() {
      const closing = pool
      pool = undefined
      await closing?.destroy()
    },
  }
}

function pathOf({ path, query }: HttpRequest): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}?${text}`
}

function wireForm({
  headers = {},
  form,
  json,
  body,
}: HttpRequest): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  // In lower case one of ours that is given replaces it, however it is written.
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  const withType = (type: string) => ({ 'user-agent': 'patchcord', 'content-type': type, ...given })
  if (form !== undefined)
    return { headers: withType('application/x-www-form-urlencoded'), body: new URLSearchParams(form).toString() }
  if (json !== undefined) return { headers: withType('application/json'), body: JSON.stringify(json) }
  return { headers: { 'user-agent': 'patchcord', ...given }, body: body ?? null }
}

function exchange(
  pool: Pool,
  options: Dispatcher.DispatchOptions,
  { timeoutMs, notAfter, clock }: HttpClientSettings & SendLimits,
): Promise<HttpAnswer | NotSent> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let ended = false
    let status = 0
    let headers: Record<string, string> = {}
    const chunks: Buffer[] = []
    let bytes = 0

    let timer = setTimeout(() => breakOff(`no connection within ${timeoutMs} ms`), timeoutMs)

    function answer(): void {
      if (!end()) return
      const text = Buffer.concat(chunks).toString('utf8')
      resolve({ status, headers, text, json: () => parsed(text) })
    }

    /** `reason` is ours or a system's code: an error of undici could hold more. */
    function breakOff(reason: string): void {
      if (ended) return
      if (status >= 400) answer()
      else if (end()) {
        if (controller === undefined) resolve(notSent(reason))
        else reject(new Error(status === 0 ? reason : `${reason}, in the middle of an answer with status ${status}`))
      }
      controller?.abort(new Error('broken off'))
    }

    function end(): boolean {
      if (ended) return false
      ended = true
      clearTimeout(timer)
      return true
    }

    pool.dispatch(options, {
      onRequestStart(started) {
        // Called before the first byte. One that was given up while it waited
        // for a connection is stopped here, and none is ever written twice.
        if (clock() >= notAfter && controller === undefined) breakOff(late)
        if (ended || controller !== undefined) return started.abort(new Error('not wanted any more'))
        controller = started
        clearTimeout(timer)
        timer = setTimeout(() => breakOff(`no answer within ${timeoutMs} ms`), timeoutMs)
      },
      onResponseStart(_, code, given) {
        // 1xx come before the answer itself.
        status = code < 200 ? 0 : code
        headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]))
      },
      onResponseData(_, chunk) {
        bytes += chunk.length
        if (bytes > mostAnswerBytes) breakOff('the answer is too long')
        else chunks.push(chunk)
      },
      onResponseEnd: answer,
      onResponseError(_, error) {
        breakOff(codeOf(error))
      },
    })
  })
}

const stopped = 'the carrier is stopped'
const late = 'the message ran out of time before there was a connection'

function notSent(reason: string): NotSent {
  if (reason === stopped) return { notSent: true, why: 'stopped', error: reason }
  if (reason === late) return { notSent: true, why: 'late', error: reason }
  // What undici and Node find wrong with a request before they look for a connection.
  if (/^(UND_)?ERR_(INVALID|NOT_SUPPORTED|REQ_CONTENT_LENGTH|HTTP_INVALID|UNESCAPED)/.test(reason))
    return { notSent: true, why: 'request', error: `no request: ${reason}` }
  return { notSent: true, why: 'network', error: `cannot connect: ${reason}` }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'UND_ERR_SOCKET') return 'connection closed'
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return stopped
  return typeof code === 'string' ? code : error.name
}
