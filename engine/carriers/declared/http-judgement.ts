// How a declared carrier reads an answer: the rule for "taken" first, then the
// refusals in their order, then what the status alone says.

import { Type, type Static } from 'typebox'

import type { Checked } from '../over-http/checked.ts'
import { checkJudgement } from '../judgement.ts'
import type { Refusal, Submission, SubmitResult } from '../carrier.ts'
import { httpVerdict, type HttpAnswer } from '../over-http/http-carrier.ts'
import { asText } from '../over-http/as-text.ts'
import { compilePath, type PathSource, type ValuePath } from './value-path.ts'

const status = Type.Array(Type.String({ pattern: '^[1-5](xx|[0-9]{2})$' }), {
  minItems: 1,
  description: 'Statuses like 2xx or 404; absent: every one',
})

const where = Type.Object(
  {
    path: Type.String({ description: 'Where the value is' }),
    equals: Type.Optional(
      Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
        description: 'What it may be; 0 and "0" are the same',
      }),
    ),
    matches: Type.Optional(Type.String({ description: 'A regular expression for it' })),
  },
  {
    additionalProperties: false,
    description: 'A value of the answer; without equals and matches it only has to be there',
  },
)

export const judgementSettings = {
  accepted: Type.Object(
    { status: { ...status, default: ['2xx'] }, where: Type.Optional(where) },
    { additionalProperties: false, default: {}, description: 'The answer to a message that it takes' },
  ),
  id: Type.Optional(
    Type.Union(
      [
        Type.String(),
        Type.Object(
          {
            path: Type.String(),
            match: Type.String({ description: 'A regular expression; its first group is the id' }),
          },
          { additionalProperties: false },
        ),
      ],
      {
        description:
          'Where its id of the message is (several in an array: one for each part); absent: it reports on ours',
      },
    ),
  ),
  refusals: Type.Array(
    Type.Object(
      {
        status: Type.Optional(status),
        where: Type.Optional(where),
        verdict: Type.Enum(['final', 'elsewhere', 'later'], {
          description: 'No carrier takes it; not here; not now',
        }),
        numberAtFault: Type.Optional(Type.Boolean({ description: 'With final: the number cannot be reached' })),
        carrierAtFault: Type.Optional(
          Type.Boolean({ description: 'Nothing goes through it: others are asked at once, this one later' }),
        ),
        throttled: Type.Optional(Type.Boolean({ description: 'With later: all messages have to wait' })),
      },
      { additionalProperties: false },
    ),
    {
      default: [],
      description: 'The first that fits; after them: 401, 403 and other 4xx elsewhere, 408, 429 and 5xx later',
    },
  ),
  error: Type.Optional(Type.String({ description: 'Where the answer says what is wrong: a code rather than words' })),
}

const schema = Type.Object(judgementSettings)

export type JudgementSettings = Static<typeof schema>
type Where = Static<typeof where>

type Test = (answer: HttpAnswer) => boolean

const roots = ['json', 'header', 'text'] as const
const tellsNothing = 'the answer does not tell whether the message was taken'

/** `checked` names the setting in what it throws. */
export function createJudgement(
  { accepted, id, refusals, error }: JudgementSettings,
  checked: Checked,
): (answer: HttpAnswer, message: Submission) => SubmitResult {
  const isTaken = testFor(accepted, 'accepted')
  const taken = accepted.where && checked('accepted.where.path', () => compilePath(accepted.where!.path, roots))
  const idsOf = id === undefined ? undefined : checked('id', () => compileIds(id))
  const errorOf = error === undefined ? undefined : checked('error', () => compilePath(error, roots))
  const rules = refusals.map((rule, index) => {
    checkJudgement(rule, (setting, trouble) => {
      checked(`refusals.${index}.${setting}`, () => {
        throw new Error(trouble)
      })
    })
    return { ...rule, fits: testFor(rule, `refusals.${index}`) }
  })

  function testFor(rule: { status?: string[]; where?: Where }, setting: string): Test {
    const value = rule.where && compileWhere(rule.where, `${setting}.where`, checked)
    return answer => fitsStatus(rule.status, answer.status) && (value?.(answer) ?? true)
  }

  function refuse(answer: HttpAnswer, { to, text }: Submission, refusal: Omit<Refusal, 'accepted' | 'error'>): Refusal {
    const said = asText(errorOf?.(sourceOf(answer)))
    const status = `HTTP ${answer.status}`
    if (said === undefined) return { accepted: false, ...refusal, error: status }
    // The first word is shown as it is, of the others no long number: it could be a code that we sent.
    const isCode = /^\d{1,6}$/.test(said) && !(said.length > 3 && `${to} ${text}`.includes(said))
    return { accepted: false, ...refusal, error: isCode ? `${said} ${status}` : `${status}: ${said}` }
  }

  return (answer, message) => {
    if (isTaken(answer)) {
      const ids = idsOf === undefined ? [message.id] : idsOf(sourceOf(answer))
      if (ids.length === 0) throw new Error(tellsNothing)
      return { accepted: true, carrierIds: ids }
    }
    const rule = rules.find(({ fits }) => fits(answer))
    if (rule !== undefined) {
      const { verdict, numberAtFault = false, throttled = false, carrierAtFault = false } = rule
      return refuse(answer, message, {
        verdict,
        ...(numberAtFault && { numberAtFault }),
        ...(throttled && { throttled }),
        ...(carrierAtFault && { carrierAtFault }),
      })
    }
    const byStatus = httpVerdict(answer)
    if (byStatus !== undefined) return refuse(answer, message, byStatus)
    // It sounds well, but what would tell is not there: a proxy's page, half a body.
    if (taken?.(sourceOf(answer)) === undefined) throw new Error(tellsNothing)
    return refuse(answer, message, { verdict: 'elsewhere' })
  }
}

function compileWhere({ path, equals, matches }: Where, setting: string, checked: Checked): Test {
  const at = checked(`${setting}.path`, () => compilePath(path, roots))
  const pattern = matches === undefined ? undefined : checked(`${setting}.matches`, () => new RegExp(matches))
  const allowed = equals === undefined ? undefined : new Set(equals.map(String))
  return answer => {
    const value = asText(at(sourceOf(answer)))
    return value !== undefined && (allowed?.has(value) ?? true) && (pattern?.test(value) ?? true)
  }
}

function compileIds(id: NonNullable<JudgementSettings['id']>): (source: PathSource) => string[] {
  const at: ValuePath = compilePath(typeof id === 'string' ? id : id.path, roots)
  const pattern = typeof id === 'string' ? undefined : new RegExp(id.match)
  // With an empty alternative it fits everything, and shows its groups.
  if (pattern !== undefined && new RegExp(`${pattern.source}|`).exec('')?.length === 1)
    throw new Error('match has no group: its first group is the id')
  return source => {
    const found = at(source)
    return (Array.isArray(found) ? found : [found]).flatMap(value => {
      const text = asText(value)
      const picked = text === undefined || pattern === undefined ? text : (pattern.exec(text)?.[1] ?? undefined)
      return picked === undefined || picked === '' ? [] : [picked]
    })
  }
}

function fitsStatus(wanted: readonly string[] | undefined, status: number): boolean {
  return wanted === undefined || wanted.some(one => one === String(status) || one === `${String(status)[0]}xx`)
}

function sourceOf({ json, headers, text }: HttpAnswer): PathSource {
  return { json, header: headers, text }
}
