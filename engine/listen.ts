// Where the engine listens, or one line that says why it cannot.

import type { FastifyInstance } from 'fastify'

import type { Config } from './config.ts'
import { StartError } from './errors.ts'

/** Resolves with the address, `http://127.0.0.1:8080`. Throws StartError. */
export async function listen(server: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    return await server.listen({ host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new StartError(`PATCHCORD_PORT: ${host}:${port} is in use by another program`)
    throw new StartError(`PATCHCORD_HOST, PATCHCORD_PORT: cannot listen on ${host}:${port} (${code ?? message})`)
  }
}
