// An API consumer's POST becomes a run of the script that it names.

import type { Texts } from '../locales.ts'
import type { ScriptVersion } from '../library/script.ts'
import type { RunOwner } from '../sandbox/run-record.ts'
import type { EndedRun, Sandbox } from '../sandbox/sandbox.ts'

/** Who asks, as the handler's `call.token` tells it. */
export interface Caller {
  id: string
  app: string
  brand: string | null
  scopes: string[]
}

export interface HttpRequest {
  runId: string
  script: ScriptVersion
  action: string
  body: Record<string, unknown>
  caller: Caller
  ip: string
  headers: Record<string, unknown>
  /** Of a run that outlives the engine. */
  owner?: RunOwner | undefined
}

/** Rejects with `overloaded` when the script has too many runs at once. */
export function runHttpRequest(
  { sandbox, texts }: { sandbox: Sandbox; texts: Texts },
  { runId, script, action, body, caller, ip, headers, owner }: HttpRequest,
): Promise<EndedRun> {
  const { id, app, brand, scopes } = caller
  const language = requestLanguage(texts, body, headers)
  return sandbox.run({
    id: runId,
    script,
    action,
    trigger: 'http',
    request: body,
    call: {
      id: runId,
      script: script.name,
      action,
      token: { id, app, brand, scopes },
      ip,
      language,
      headers: shownHeaders(headers),
    },
    language,
    ...(owner !== undefined && { owner }),
  })
}

/** The body's `language` or `locale`, else Accept-Language, else English. */
export function requestLanguage(texts: Texts, body: Record<string, unknown>, headers: Record<string, unknown>): string {
  const header = headers['accept-language']
  return (
    texts.match(body.language) ??
    texts.match(body.locale) ??
    texts.accepted(typeof header === 'string' ? header : undefined) ??
    'en'
  )
}

const hidden = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
])

function shownHeaders(headers: Record<string, unknown>): Record<string, string> {
  const shown: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string' && !hidden.has(name)) shown[name] = value
  }
  return shown
}
