// What Wireshark's dissector sees in PDUs.

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Every field of a PDU by its name; of one that comes twice, the first. */
export interface Dissected {
  fields: Record<string, string>
  malformed: boolean
}

/** Whether tshark and the program that makes captures are installed. */
export async function hasTshark(): Promise<boolean> {
  try {
    await Promise.all([run('tshark', ['--version']), run('text2pcap', ['--version'])])
    return true
  } catch {
    return false
  }
}

/** One TCP segment each. */
export async function dissect(pdus: readonly Buffer[]): Promise<Dissected[]> {
  const folder = await mkdtemp(join(tmpdir(), 'patchcord-golden-'))
  try {
    const capture = join(folder, 'pdus.pcap')
    await writeFile(join(folder, 'pdus.txt'), pdus.map(hexDump).join('\n'))
    await run('text2pcap', ['-q', '-T', '40000,2775', join(folder, 'pdus.txt'), capture])
    const asSmpp = ['-r', capture, '-d', 'tcp.port==2775,smpp', '-T', 'json', '--no-duplicate-keys']
    const { stdout } = await run('tshark', asSmpp, { maxBuffer: 100_000_000 })
    const packets: Array<{ _source: { layers: Record<string, unknown> } }> = JSON.parse(stdout)
    return packets.map(({ _source: { layers } }) => ({
      fields: leaves({ smpp: layers.smpp, header: layers.gsm_sms_ud }),
      malformed: JSON.stringify(layers).includes('_ws.malformed'),
    }))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** As text2pcap reads it: offsets that begin anew with each packet. */
function hexDump(pdu: Buffer): string {
  const lines = Array.from({ length: Math.ceil(pdu.length / 16) }, (_, line) => {
    const octets = pdu.subarray(line * 16, line * 16 + 16).toString('hex')
    return `${(line * 16).toString(16).padStart(6, '0')} ${octets.replaceAll(/../g, '$& ')}\n`
  })
  return lines.join('')
}

function leaves(tree: object, into: Record<string, string> = {}): Record<string, string> {
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value === 'object' && value !== null) leaves(value, into)
    else if (typeof value === 'string' && name.includes('.')) into[name] ??= value
  }
  return into
}
