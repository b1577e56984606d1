// What the settings say, ready for use. Whatever is wrong stops the start, and
// is said without the url: it holds the password.

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

import { StartError } from '../../errors.ts'
import { senderPattern } from '../../phone.ts'
import { checkJudgement, type Judgement } from '../judgement.ts'
import { partTags } from './wire/parts.ts'
import { encodePdu, type PduInput } from './wire/pdu.ts'
import type { SessionSettings } from './session/session-settings.ts'
import type { SmppSettings } from './settings.ts'
import { statusCode } from './wire/statuses.ts'
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
  checkSubmit(settings, wrong)
  return {
    session: { ...settings, ...readUrl(settings, wrong) },
    verdicts: readVerdicts(settings, wrong),
    paramTlvs: readTags(settings, wrong),
  }
}

type Wrong = (setting: string, trouble: string) => StartError

function readUrl(settings: SmppSettings, wrong: Wrong) {
  const url = URL.parse(settings.url)
  const isKnown = url?.protocol === 'smpp:' || url?.protocol === 'smpps:'
  // A host of other letters than ASCII is percent-encoded by now.
  if (
    url === null ||
    !isKnown ||
    !/^[^%]+$/.test(url.hostname) ||
    !['', '/'].includes(url.pathname) ||
    url.search ||
    url.hash
  ) {
    throw wrong('url', 'must be smpp://user:password@host:port or smpps://…, user and password percent-encoded')
  }
  const systemId = decode(url.username)
  const password = decode(url.password)
  if (systemId === undefined || password === undefined)
    throw wrong('url', 'a % that begins no percent-encoded character')
  if (systemId === '') throw wrong('url', 'names no user')
  checkBind({ systemId, password, systemType: settings.systemType }, wrong)
  const isTls = url.protocol === 'smpps:'
  for (const setting of ['ca', 'servername'] as const) {
    if (!isTls && settings[setting] !== undefined) throw wrong(setting, 'only with smpps:// in url')
  }
  const port = url.port === '' ? usualPorts[url.protocol as 'smpp:' | 'smpps:'] : Number(url.port)
  if (port === 0) throw wrong('url', 'nothing listens on port 0')
  const tls = isTls
    ? { ca: readCa(settings.ca, wrong), servername: readServername(settings.servername, wrong) }
    : undefined
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, systemId, password, tls }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function checkBind(
  { systemId, password, systemType }: Record<'systemId' | 'password' | 'systemType', string>,
  wrong: Wrong,
) {
  const fits = (fields: PduInput['fields']) => isEncodable({ command: 'bind_transceiver', sequence: 1, fields })
  if (!fits({ systemId })) throw wrong('url', 'the user does not fit into a bind: too long, or not Latin-1')
  if (!fits({ password })) throw wrong('url', 'the password does not fit into a bind: too long, or not Latin-1')
  if (!fits({ systemType })) throw wrong('systemType', 'does not fit into a bind: not Latin-1')
}

function checkSubmit({ serviceType, from }: SmppSettings, wrong: Wrong) {
  if (!isEncodable({ command: 'submit_sm', sequence: 1, fields: { serviceType } })) {
    throw wrong('serviceType', 'does not fit into a submit: not Latin-1')
  }
  if (from !== undefined && !senderPattern.test(from)) {
    throw wrong('from', 'must be 3 to 15 digits, or a name of at most 11 letters, digits, blanks and . _ & -')
  }
}

function isEncodable(pdu: PduInput): boolean {
  try {
    encodePdu(pdu)
    return true
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return false
  }
}

/** TLS has names there only (RFC 6066, section 3). */
function readServername(servername: string | undefined, wrong: Wrong): string | undefined {
  if (servername === undefined) return undefined
  const isName = isIP(servername) === 0 && domainToASCII(servername) === servername.toLowerCase()
  if (!isName) throw wrong('servername', 'must be a host name in ASCII, no address')
  return servername
}

function readCa(ca: string | undefined, wrong: Wrong): string | undefined {
  if (ca === undefined) return undefined
  const pem = ca.includes('-----BEGIN') ? ca : readPem(ca, wrong)
  const certificates = pem.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----[^-]*-----END [A-Z0-9 ]*CERTIFICATE-----/g) ?? []
  if (certificates.length === 0 || !certificates.every(isCertificate)) throw wrong('ca', 'holds no certificate in PEM')
  return pem
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== null
  } catch {
    return false
  }
}

function readPem(file: string, wrong: Wrong): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw wrong('ca', `cannot read the file (${(error as NodeJS.ErrnoException).code})`)
  }
}

/**
 * What a message itself is made of would be overwritten, by texts without their
 * parts, or none at all; of two params with one tag a message could show one.
 */
function readTags({ paramTlvs }: SmppSettings, wrong: Wrong): ReadSettings['paramTlvs'] {
  const params = new Map<number, string>()
  return Object.entries(paramTlvs).map(([param, text]) => {
    const tag = Number(text)
    const [setting, other] = [`paramTlvs.${param}`, params.get(tag)]
    if (partTags.has(tag)) throw wrong(setting, `${text} holds the text of a message, or joins its parts`)
    if (other !== undefined) throw wrong(setting, `${text} is the tag of ${other} already`)
    params.set(tag, param)
    return [param, tag]
  })
}

function readVerdicts({ verdicts }: SmppSettings, wrong: Wrong): Verdicts {
  const spelled = new Map<number, string>()
  const judged = new Map<number, Judgement>()
  for (const [status, judgement] of Object.entries(verdicts)) {
    const code = readStatus(status, wrong)
    const setting = `verdicts.${status}`
    const other = spelled.get(code)
    if (other !== undefined) throw wrong(setting, `is the same command_status as ${other}`)
    checkJudgement(judgement, (flag, trouble) => {
      throw wrong(`${setting}.${flag}`, trouble)
    })
    spelled.set(code, status)
    judged.set(code, judgement)
  }
  return judged
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
