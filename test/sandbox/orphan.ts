// A parent for a sandbox process that does not listen: started by walls.test.ts
// with the walls as JSON, says the process's id, and waits to be killed.

import { startSandboxProcess } from '../../engine/sandbox/child-process.ts'
import type { Walls } from '../../engine/sandbox/walls.ts'

const child = startSandboxProcess(
  `require('node:fs').writeSync(1, 'busy\\n'); for (;;);`,
  { line: () => process.stdout.write(`${child.pid}\n`), exit() {}, complaint() {} },
  JSON.parse(process.argv[2]!) as Walls,
)
