// The operator's API. The console uses nothing else.

import type { FastifyInstance } from 'fastify'

import { addLoopbackRoutes } from './admin-loopback.ts'
import { addMessageRoutes } from './admin-messages.ts'
import { addRunRoutes } from './admin-runs.ts'
import { addScriptAdminRoutes } from './admin-scripts.ts'
import { addTokenRoutes } from './admin-tokens.ts'
import type { ServerParts } from './server.ts'

export function addAdminRoutes(server: FastifyInstance, parts: ServerParts): void {
  addMessageRoutes(server, parts)
  addLoopbackRoutes(server, parts)
  addScriptAdminRoutes(server, parts)
  addRunRoutes(server, parts)
  addTokenRoutes(server, parts)
}
