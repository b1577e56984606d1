// A process of its own that writes until it is killed or the disk is full, and
// says on stdout what was acknowledged: `acked <key>`, `refused <code>`.
// Ahead of the disk it acknowledges when a write is kept, and says `lost` when
// it was told so.
//   node writer.ts <path> <secret> [stop] [ahead]

import { writeSync } from 'node:fs'
import { EngineError, StartError } from '../../engine/errors.ts'
import { openSqlite } from '../../engine/storage/sqlite.ts'

const [path = '', secret = '', ...options] = process.argv.slice(2)
const stopWhenRefused = options.includes('stop')
const ahead = options.includes('ahead')

try {
  const storage = openSqlite({ path, secret, clock: Date.now })
  storage.ahead.onLost(() => writeSync(1, 'lost\n'))
  let written = 0
  const write = async (lane: number) => {
    for (;;) {
      const key = `${lane}:${written++}`
      try {
        await (ahead ? storage.ahead : storage).entries.set('s', key, key.padEnd(200, '.'))
        if (ahead) await storage.ahead.kept()
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
