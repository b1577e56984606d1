// What the configuration file may hold: names, defaults, ranges, units.

import { Type, type Static } from 'typebox'

import { e164Pattern, senderPattern } from './phone.ts'

const whole = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: value, minimum, maximum })

/** The `engine` section: default, range and unit of each. */
export const EngineSettings = Type.Object(
  {
    scriptWallMs: whole('Longest time from a run’s start to its answer, ms', 10_000, 100, 600_000),
    scriptCpuMs: whole('CPU time of one turn of a script, ms', 250, 10, 10_000),
    scriptHostCalls: whole('Calls of primitives in one run', 50, 1, 10_000),
    scriptMessages: whole('Messages in one run', 5, 1, 10_000),
    scriptRunsAtOnce: whole('Runs of one script at the same time', 256, 1, 100_000),
    scriptMemoryMb: whole('Heap of one isolate, MB, where the script has no memoryMb of its own', 64, 16, 4_096),
    sandboxMemoryMb: whole('Resident memory of one sandbox process, MB', 1_024, 256, 65_536),
    sandboxDataMb: Type.Optional(
      Type.Integer({
        description:
          'Writable address space of one sandbox process, kept by the kernel, MB: Node takes 1,100, an isolate 540',
        minimum: 2_048,
        maximum: 1_048_576,
      }),
    ),
    sandboxUser: Type.Optional(
      Type.String({
        description: 'User of the sandbox processes, name or number, where the engine runs as root',
        minLength: 1,
      }),
    ),
    messageKeepDays: whole('How long the record of a message is kept, days', 30, 1, 3_650),
    drainMs: whole('How long a stopping engine still takes requests while /readyz says no, ms', 0, 0, 5_000),
    redisWaitReplicas: whole('Replicas of Redis that have to have what was written before it is promised', 0, 0, 10),
    publicUrl: Type.Optional(
      Type.String({ description: 'Base of the addresses that carriers call back', pattern: '^https?://[^\\s?#]+$' }),
    ),
  },
  { additionalProperties: false },
)

const ScriptSection = Type.Object(
  {
    http: Type.Optional(Type.Array(Type.String(), { default: [] })),
    secrets: Type.Optional(Type.Record(Type.String(), Type.String(), { default: {} })),
    countries: Type.Optional(
      Type.Array(Type.String({ pattern: '^(\\*|[A-Z]{2}|\\+[0-9]{1,15})$' }), { default: ['*'] }),
    ),
    memoryMb: Type.Optional(Type.Integer({ minimum: 16, maximum: 4_096 })),
    isolation: Type.Optional(Type.Enum(['shared', 'run'], { default: 'shared' })),
  },
  { additionalProperties: false },
)

/** A carrier of a route that has its share of the messages. */
export const WeightedCarrier = Type.Object(
  { carrier: Type.String(), weight: Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 }) },
  { additionalProperties: false },
)

/** The configuration file; what a carrier's section may hold beside `driver` is said by its driver. */
export const ConfigFile = Type.Object(
  {
    engine: Type.Object({}, { default: {}, additionalProperties: true }),
    carriers: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]*$' }), Type.Object({ driver: Type.String() }), {
      default: {},
      additionalProperties: false,
    }),
    routes: Type.Optional(
      Type.Array(
        Type.Object(
          {
            prefix: Type.Optional(Type.String({ pattern: '^(\\+[0-9]*)?$' })),
            country: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
            script: Type.Optional(Type.String({ minLength: 1 })),
            from: Type.Optional(Type.String({ minLength: 1 })),
            carriers: Type.Array(
              Type.Union([
                Type.String(),
                // What stands in it is checked by WeightedCarrier, which names what is wrong better than a choice of two can.
                Type.Unsafe<Static<typeof WeightedCarrier>>(Type.Object({})),
              ]),
              { minItems: 1 },
            ),
            sender: Type.Optional(Type.String({ pattern: senderPattern.source })),
          },
          { additionalProperties: false },
        ),
      ),
    ),
    inbound: Type.Array(
      Type.Object(
        { to: Type.String({ minLength: 1 }), script: Type.String({ minLength: 1 }) },
        { additionalProperties: false },
      ),
      { default: [] },
    ),
    scripts: Type.Record(Type.String(), ScriptSection, { default: {} }),
    testNumbers: Type.Record(Type.String({ pattern: e164Pattern.source }), Type.String({ pattern: '^[0-9]{4,8}$' }), {
      default: {},
      additionalProperties: false,
    }),
  },
  { additionalProperties: false },
)
