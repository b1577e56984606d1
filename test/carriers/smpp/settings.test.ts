import { expect, test } from 'vitest'

import { StartError } from '../../../engine/errors.ts'
import { newCertificate } from './certificate.ts'
import { startNpmSmsc } from './npm-smsc.ts'
import { createCarrier, openCarrier, submission } from './open-carrier.ts'
import { startRawSmsc } from './raw-smsc.ts'

test.each([
  [{ url: 'http://user:secret@host' }, 'carriers.main.url: must be smpp://'],
  [{ url: 'smpp://user:sec/ret@host' }, 'carriers.main.url: must be smpp://'],
  [{ url: 'smpp://user:100%25%zz@host' }, 'carriers.main.url: a % that begins'],
  [{ url: 'smpp://host' }, 'carriers.main.url: names no user'],
  [{ url: 'smpp://user:secret@host:0' }, 'carriers.main.url: nothing listens on port 0'],
  [{ url: 'smpp://user:secret@h%20st' }, 'carriers.main.url: must be smpp://'],
  [{ systemType: '日本' }, 'carriers.main.systemType: does not fit into a bind'],
  [{ systemType: 'a\0b' }, 'carriers.main.systemType: does not fit into a bind'],
  [{ serviceType: '日本' }, 'carriers.main.serviceType: does not fit into a submit'],
  [{ from: 'Мой' }, 'carriers.main.from: must be 3 to 15 digits, or a name'],
  [{ from: 'twelve chars' }, 'carriers.main.from: must be 3 to 15 digits, or a name'],
  [{ from: '1234567890123456' }, 'carriers.main.from: must be 3 to 15 digits, or a name'],
  [{ url: 'smpps://user@host', servername: '127.0.0.1' }, 'carriers.main.servername: must be a host name'],
  [{ url: 'smpps://user@host', servername: 'a b' }, 'carriers.main.servername: must be a host name'],
  [{ url: 'smpps://user@host', ca: import.meta.filename }, 'carriers.main.ca: holds no certificate'],
  [
    { url: 'smpps://user@host', ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
    'carriers.main.ca: holds no certificate',
  ],
  [{ url: 'smpp://user:secret-that-is-much-too-long@host' }, 'carriers.main.url: the password does not fit'],
  [{ verdicts: { ESME_RFOO: { verdict: 'later' } } }, 'carriers.main.verdicts.ESME_RFOO: no command_status'],
  [{ verdicts: { ESME_RSYSERR: { verdict: 'never' } } }, 'must be one of final, elsewhere, later'],
  [
    { verdicts: { ESME_RTHROTTLED: { verdict: 'final', throttled: true } } },
    'carriers.main.verdicts.ESME_RTHROTTLED.throttled: goes with the verdict later only',
  ],
  [
    { verdicts: { '0x0b': { verdict: 'elsewhere', numberAtFault: true } } },
    'carriers.main.verdicts.0x0b.numberAtFault: goes with the verdict final only',
  ],
  [
    { verdicts: { '88': { verdict: 'later', throttled: true, carrierAtFault: true } } },
    'carriers.main.verdicts.88.throttled: does not go with carrierAtFault',
  ],
  [
    { verdicts: { '69': { verdict: 'later' }, '0x45': { verdict: 'final' } } },
    'carriers.main.verdicts.0x45: is the same command_status as 69',
  ],
  [
    { verdicts: { ESME_RSUBMITFAIL: { verdict: 'later' }, rsubmitfail: { verdict: 'later' } } },
    'carriers.main.verdicts.rsubmitfail: is the same command_status as ESME_RSUBMITFAIL',
  ],
  [{ window: 0 }, 'carriers.main.window: must be >= 1'],
  [{ windw: 5 }, 'carriers.main.windw: there is no such setting'],
  [{ rejectUnauthorized: false }, 'carriers.main.rejectUnauthorized: there is no such setting'],
  [{ ca: 'x.pem' }, 'carriers.main.ca: only with smpps://'],
  [{ url: 'smpps://user@host', ca: '/nowhere.pem' }, 'carriers.main.ca: cannot read the file (ENOENT)'],
  [{ paramTlvs: { a: '12' } }, 'carriers.main.paramTlvs.a: must match pattern'],
  [{ paramTlvs: { a: '0x1400', b: '0x0424' } }, 'carriers.main.paramTlvs.b: 0x0424 holds the text of a message'],
  [{ paramTlvs: { a: '0x1400', b: '0X1400' } }, 'carriers.main.paramTlvs.b: 0X1400 is the tag of a already'],
  [{ paramTlvs: { a: '0X20c' } }, 'carriers.main.paramTlvs.a: 0X20c holds'],
  [{ paramTlvs: { a: '0x020E' } }, 'carriers.main.paramTlvs.a: 0x020E holds'],
  [{ paramTlvs: { a: '0x20f' } }, 'carriers.main.paramTlvs.a: 0x20f holds'],
])('a wrong setting stops the start: %j', (wrong, line) => {
  let trouble: unknown
  try {
    createCarrier({ url: 'smpp://user:secret@host', ...wrong })
  } catch (error) {
    trouble = error
  }
  expect(trouble).toBeInstanceOf(StartError)
  expect((trouble as Error).message).toContain(line)
  expect((trouble as Error).message).not.toMatch(/sec/)
})

test('user and password may be percent-encoded', async () => {
  const smsc = await startNpmSmsc()
  await openCarrier(smsc.port, { url: `smpp://us%40er:p%2Fa%3Ass@127.0.0.1:${smsc.port}` })
  expect(smsc.binds).toMatchObject([{ system_id: 'us@er', password: 'p/a:ss' }])
})

test('smpps:// speaks TLS, with a CA from a file or from the settings', async () => {
  const { key, cert, certFile } = await newCertificate('smsc.example')
  const smsc = await startRawSmsc({ tls: { key, cert } })
  for (const ca of [cert, certFile]) {
    const url = `smpps://user:secret@127.0.0.1:${smsc.port}`
    const { carrier } = await openCarrier(smsc.port, { url, ca, servername: 'smsc.example' })
    expect(await carrier.submit(submission())).toMatchObject({ accepted: true })
  }
})
