// A process of its own that writes until it is killed or the disk is full, and
// says on stdout what was acknowledged: `acked <key>`, `refused <code>`.
//   node writer.ts <path> <secret> [stop-when-refused]

import { writeSync } from 'node:fs'
import { EngineError, StartError } from '../../engine/errors.ts'
import { openSqlite } from '../../engine/storage/sqlite.ts'

const [path = '', secret = '', stopWhenRefused] = process.argv.slice(2)

try {
  const storage = openSqlite({ path, secret, clock: Date.now })
  let written = 0
  const write = async (lane: number) => {
    for (;;) {
      const key = `${lane}:${written++}`
      try {
        await storage.entries.set('s', key, key.padEnd(200, '.'))
        writeSync(1, `acked ${key}\n`)
      } catch (error) {
        writeSync(1, `refused ${error instanceof EngineError ? error.code : String(error)}\n`)
        if (stopWhenRefused) return
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, lane) => write(lane)))
  const found = await storage.entries.get('s', '0:0')
  writeSync(1, `reads ${found?.key}\n`)
} catch (error) {
  writeSync(1, `${error instanceof StartError ? error.message : String(error)}\n`)
  process.exitCode = 1
}
