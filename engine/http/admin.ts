// The operator's API. The console uses nothing else.

import type { FastifyInstance } from 'fastify'

import { addCarrierRoutes } from './admin-carriers.ts'
import { addCdrRoute } from './admin-cdr.ts'
import { addLoopbackRoutes } from './admin-loopback.ts'
import { addMessageRoutes } from './admin-messages.ts'
import { addRunRoutes } from './admin-runs.ts'
import { addScriptAdminRoutes } from './admin-scripts.ts'
import { addStatsRoute } from './admin-stats.ts'
import { addTokenRoutes } from './admin-tokens.ts'
import type { RequestCounts } from './request-counts.ts'
import type { ServerParts } from './server.ts'

export function addAdminRoutes(server: FastifyInstance, parts: ServerParts & { requests: RequestCounts }): void {
  addMessageRoutes(server, parts)
  addLoopbackRoutes(server, parts)
  addScriptAdminRoutes(server, parts)
  addRunRoutes(server, parts)
  addTokenRoutes(server, parts)
  addCarrierRoutes(server, parts)
  addStatsRoute(server, parts)
  addCdrRoute(server, parts)
}
