// What the settings say, ready for use. Whatever is wrong stops the start, and
// is said without the url: it holds the password.

import { readFileSync } from 'node:fs'

import { StartError } from '../../errors.ts'
import { encodePdu } from './pdu.ts'
import type { SessionSettings } from './session-settings.ts'
import type { SmppSettings } from './settings.ts'
import { statusCode } from './statuses.ts'
import type { Verdicts } from './verdicts.ts'

export interface ReadSettings {
  session: Omit<SessionSettings, 'kind'>
  verdicts: Verdicts
  /** Name of the param and tag of its TLV. */
  paramTlvs: ReadonlyArray<readonly [string, number]>
}

const usualPorts = { 'smpp:': 2775, 'smpps:': 3550 }

/** Throws StartError that names `carriers.<name>.<setting>`. */
export function readSettings(name: string, settings: SmppSettings): ReadSettings {
  const wrong = (setting: string, trouble: string) => new StartError(`carriers.${name}.${setting}: ${trouble}`)
  return {
    session: { ...settings, ...readUrl(settings, wrong) },
    verdicts: new Map(
      Object.entries(settings.verdicts).map(([status, judgement]) => [readStatus(status, wrong), judgement]),
    ),
    paramTlvs: Object.entries(settings.paramTlvs).map(([param, tag]) => [param, Number(tag)] as const),
  }
}

type Wrong = (setting: string, trouble: string) => StartError

function readUrl(settings: SmppSettings, wrong: Wrong) {
  const url = URL.parse(settings.url)
  const isKnown = url?.protocol === 'smpp:' || url?.protocol === 'smpps:'
  if (url === null || !isKnown || url.hostname === '' || !['', '/'].includes(url.pathname) || url.search || url.hash) {
    throw wrong('url', 'must be smpp://user:password@host:port or smpps://…, user and password percent-encoded')
  }
  const systemId = decode(url.username)
  const password = decode(url.password)
  if (systemId === undefined || password === undefined)
    throw wrong('url', 'a % that begins no percent-encoded character')
  checkBind(systemId, password, wrong)
  const isTls = url.protocol === 'smpps:'
  for (const setting of ['ca', 'servername'] as const) {
    if (!isTls && settings[setting] !== undefined) throw wrong(setting, 'only with smpps:// in url')
  }
  const port = url.port === '' ? usualPorts[url.protocol as 'smpp:' | 'smpps:'] : Number(url.port)
  const tls = isTls ? { ca: readCa(settings.ca, wrong), servername: settings.servername } : undefined
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, systemId, password, tls }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function checkBind(systemId: string, password: string, wrong: Wrong) {
  for (const [what, fields] of [
    ['user', { systemId }],
    ['password', { password }],
  ] as const) {
    try {
      encodePdu({ command: 'bind_transceiver', sequence: 1, fields })
    } catch {
      throw wrong('url', `the ${what} does not fit into a bind: too long, or not Latin-1`)
    }
  }
}

function readCa(ca: string | undefined, wrong: Wrong): string | undefined {
  if (ca === undefined || ca.includes('-----BEGIN')) return ca
  try {
    return readFileSync(ca, 'utf8')
  } catch (error) {
    throw wrong('ca', `cannot read the file (${(error as NodeJS.ErrnoException).code})`)
  }
}

function readStatus(status: string, wrong: Wrong): number {
  const code = /^(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(status) ? Number(status) : statusCode(status)
  if (code === undefined || code === 0 || code > 0xffff_ffff) {
    throw wrong(
      `verdicts.${status}`,
      'no command_status; allowed: a number above 0 (69, 0x45) or a name (ESME_RSUBMITFAIL)',
    )
  }
  return code
}
