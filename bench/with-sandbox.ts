// One side: the engine as it is shipped.

import { createEngine } from '../engine/engine.ts'
import { serve } from './serve.ts'

await serve(async (config, surroundings) => {
  const engine = await createEngine(config, surroundings)
  return { ...engine, otherPids: () => engine.sandbox.stats().lanes.map(({ pid }) => pid) }
})
