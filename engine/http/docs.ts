// The API reference: OpenAPI 3.1 from the same schemas that check requests, and
// a page that shows it. Scripts come and go, so their paths are written at the
// time of asking, from the `fields` that they export.

import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

import type { Field } from '../library/fields.ts'
import type { Library } from '../library/library.ts'
import type { ScriptVersion } from '../library/script.ts'
import { version } from '../version.ts'

export async function addDocs(server: FastifyInstance, library: Library): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Patchcord',
        version,
        description: 'A scriptable telephony engine. Scripts answer POST requests; everything else is the operator’s.',
      },
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
        schemas: { Problem: problemSchema },
      },
      security: [{ token: [] }],
    },
  })
  // Pages and their parts are for everyone: they hold nothing that a token protects.
  server.addHook('onRoute', route => {
    if (!route.url.startsWith('/docs')) return
    route.config = { open: true, ...route.config }
    // The page's files would else say that they may be kept.
    route.onSend = (_request, reply, payload, done) => {
      void reply.header('cache-control', 'no-store')
      done(null, payload)
    }
  })
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    theme: { title: 'Patchcord' },
    logo: { type: 'image/svg+xml', content: Buffer.from(wordmark), href: '/docs', target: '_self' },
    uiConfig: { docExpansion: 'list' },
    transformSpecification: specification => ({
      ...specification,
      paths: { ...scriptPaths(library), ...(specification as { paths: object }).paths },
    }),
  })
}

const wordmark =
  '<svg xmlns="http://www.w3.org/2000/svg" width="150" height="40"><text x="0" y="28" font-family="sans-serif" font-size="24" fill="#fff">Patchcord</text></svg>'

const problemSchema = {
  type: 'object' as const,
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' as const },
    title: { type: 'string' as const },
    status: { type: 'integer' as const },
    code: { type: 'string' as const, description: 'The contract: what a program decides by' },
    detail: { type: 'string' as const, description: 'A sentence in the caller’s language' },
    retryAfter: { type: 'integer' as const, description: 'Seconds; also the header Retry-After' },
  },
}

function scriptPaths(library: Library): Record<string, object> {
  const paths: Record<string, object> = {}
  for (const script of library.list()) {
    for (const action of script.exports) {
      if (/^on[A-Z]/.test(action)) continue
      paths[action === 'default' ? `/${script.name}` : `/${script.name}/${action}`] = {
        post: operation(script, action),
      }
    }
  }
  return paths
}

function operation({ name, fields }: ScriptVersion, action: string): object {
  const declared = fields[action] ?? {}
  const problem = {
    description: 'Refused or failed',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
  return {
    tags: [name],
    operationId: `${name}.${action}`,
    security: [{ token: [] }],
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        required: false,
        schema: { type: 'string', minLength: 1, maxLength: 255 },
      },
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: Object.fromEntries(Object.entries(declared).map(([field, { type }]) => [field, { type }])),
            required: requiredOf(declared),
          },
        },
      },
    },
    responses: {
      200: { description: 'What the script answered', content: { 'application/json': {} } },
      default: problem,
    },
  }
}

function requiredOf(declared: Record<string, Field>): string[] {
  return Object.entries(declared)
    .filter(([, { optional }]) => !optional)
    .map(([name]) => name)
}
