// One HTTP request to a provider, and the one question that matters after it:
// did the request leave or not.
//
//   no connection (refused, DNS, TLS, time)      certain: nothing was sent
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
  error: string
}

export interface HttpClient {
  open(): Promise<void>
  /** Rejects only when it is not known whether the provider got the request; the error holds no secret. */
  send(request: HttpRequest): Promise<HttpAnswer | NotSent>
  /** Breaks off what is under way. */
  close(): Promise<void>
}

export interface HttpClientSettings {
  /** For the whole request. */
  timeoutMs: number
  connections: number
}

const mostAnswerBytes = 262_144
/** Providers' proxies keep an idle connection for 60 s or longer and say so when they do not; home routers forget sooner. */
const idleMs = 15_000

export function createHttpClient(baseUrl: URL, { timeoutMs, connections }: HttpClientSettings): HttpClient {
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

  function send(request: HttpRequest): Promise<HttpAnswer | NotSent> {
    if (pool === undefined) return Promise.resolve({ notSent: true, error: 'not open' })
    return exchange(pool, { ...wireForm(request), path: basePath + pathOf(request), method: request.method }, timeoutMs)
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
  const withType = (type: string) => ({ 'user-agent': 'patchcord', 'content-type': type, ...headers })
  if (form !== undefined)
    return { headers: withType('application/x-www-form-urlencoded'), body: new URLSearchParams(form).toString() }
  if (json !== undefined) return { headers: withType('application/json'), body: JSON.stringify(json) }
  return { headers: { 'user-agent': 'patchcord', ...headers }, body: body ?? null }
}

function exchange(pool: Pool, options: Dispatcher.DispatchOptions, timeoutMs: number): Promise<HttpAnswer | NotSent> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let ended = false
    let status = 0
    let headers: Record<string, string> = {}
    const chunks: Buffer[] = []
    let bytes = 0

    const timer = setTimeout(() => breakOff(`no answer within ${timeoutMs} ms`), timeoutMs)

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
        if (controller === undefined) resolve({ notSent: true, error: `cannot connect: ${reason}` })
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
        if (ended || controller !== undefined) return started.abort(new Error('not wanted any more'))
        controller = started
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
  return typeof code === 'string' ? code : error.name
}
