// Where `npm start` begins. The cache has to be there before the rest is read.

import './compile-cache.ts'

const { start } = await import('./start.ts')
await start()
