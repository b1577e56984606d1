// What was asked over HTTP and how it was answered: counted by route, never by
// the address as it came, so that nobody can fill the memory with new ones.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { createHistogram, type Histogram } from '../metrics.ts'
import { createLatencies, type Latency } from '../outbox/latencies.ts'

export interface RouteCounts {
  /** `/otp/check` for a script's, the pattern for every other; `none` where there is no such address. */
  route: string
  seconds: Histogram
  answers: Array<{ method: string; status: number; count: number }>
}

export interface RequestCounts {
  /** Since the start. */
  routes(): RouteCounts[]
  /** Of all routes. */
  latency(): Latency
}

interface Tally {
  seconds: Histogram
  /** By method, then by status. */
  answers: Map<string, Map<number, number>>
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Scripts come and go with what they export; the rest counts as `other`. */
const mostRoutes = 500

/** Counts every answer that the server gives from now on. */
export function countRequests(server: FastifyInstance): RequestCounts {
  const tallies = new Map<string, Tally>()
  const latencies = createLatencies()

  server.addHook('onResponse', (request, reply, done) => {
    count(request, reply)
    done()
  })

  function count(request: FastifyRequest, reply: FastifyReply): void {
    const { seconds, answers } = tallyOf(routeOf(request))
    const ms = reply.elapsedTime
    latencies.add(ms)
    seconds.observe(ms / 1_000)
    const method = methods.has(request.method) ? request.method : 'other'
    let statuses = answers.get(method)
    if (statuses === undefined) answers.set(method, (statuses = new Map()))
    statuses.set(reply.statusCode, (statuses.get(reply.statusCode) ?? 0) + 1)
  }

  function tallyOf(route: string): Tally {
    const known = tallies.get(route)
    if (known !== undefined) return known
    if (tallies.size >= mostRoutes && route !== 'other') return tallyOf('other')
    const tally = { seconds: createHistogram(bounds), answers: new Map() }
    tallies.set(route, tally)
    return tally
  }

  return {
    routes: () =>
      [...tallies].map(([route, { seconds, answers }]) => ({
        route,
        seconds,
        answers: [...answers].flatMap(([method, statuses]) =>
          [...statuses].map(([status, count]) => ({ method, status, count })),
        ),
      })),
    latency: latencies.read,
  }
}

function routeOf(request: FastifyRequest): string {
  if (request.script) {
    const { name } = request.script
    return request.action === 'default' ? `/${name}` : `/${name}/${request.action}`
  }
  return request.routeOptions.url ?? 'none'
}
