// A certificate that signs itself, so that it is its own CA.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { newFolder } from '../../helpers.ts'

/** For that name, made by openssl; goes with the test. */
export async function newCertificate(name: string): Promise<{ key: string; cert: string; certFile: string }> {
  const folder = await newFolder()
  const keyFile = join(folder, 'key.pem')
  const certFile = join(folder, 'cert.pem')
  const what = `-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -addext subjectAltName=DNS:${name}`
  execFileSync('openssl', ['req', ...what.split(' '), '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), certFile }
}
