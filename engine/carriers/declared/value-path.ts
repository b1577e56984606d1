// Where a value is in an answer or a call of a provider, as an operator writes it.
//
//   json.results[0].id   in the body as JSON; also results[0].id
//   query.id  form.id    a field of the address, of a form in the body
//   header.x-id          a header, in lower case
//   text                 the whole body
//   item.text            in the item of a list, whatever its fields are called
//   json["odd.name"]     a name with other letters than A–Z, 0–9, _ and -
//
// Without a root the path is in the item of a list where there is a list, else
// in the JSON.

/** What a path is read from; each root only where it exists. */
export interface PathSource {
  json?: () => unknown
  item?: unknown
  query?: URLSearchParams
  form?: () => URLSearchParams
  header?: Readonly<Record<string, string | undefined>>
  text?: string
}

export type PathRoot = keyof PathSource

export type ValuePath = (source: PathSource) => unknown

const step = /(?:^|\.)([\w-]+)|\[(\d+)\]|\["([^"]+)"\]/y

/** Throws an Error that says what is wrong with the path. `rootless`: where a path without a root begins. */
export function compilePath(path: string, roots: readonly PathRoot[], rootless: PathRoot = 'json'): ValuePath {
  const steps = stepsOf(path)
  const first = steps[0]
  const named = ['json', 'query', 'form', 'header', 'text', ...(rootless === 'item' ? ['item'] : [])]
  const hasRoot = typeof first === 'string' && named.includes(first)
  const root = hasRoot ? (first as PathRoot) : rootless
  const rest = hasRoot ? steps.slice(1) : steps
  if (!roots.includes(root) && root !== rootless)
    throw new Error(`${JSON.stringify(path)}: there is no ${root} here; allowed: ${roots.join(', ')}`)
  if (root === 'text' && rest.length > 0) throw new Error(`${JSON.stringify(path)}: nothing may follow text`)
  if (['query', 'form', 'header'].includes(root) && rest.length !== 1)
    throw new Error(`${JSON.stringify(path)}: one name has to follow ${root}`)
  const name = String(rest[0])
  if (root === 'text') return source => source.text
  if (root === 'header') return source => source.header?.[name.toLowerCase()]
  if (root === 'query') return source => source.query?.get(name) ?? undefined
  if (root === 'form') return source => source.form?.().get(name) ?? undefined
  return source => walk(root === 'item' ? source.item : source.json?.(), rest)
}

/** What stands in the address or the headers of a call: `query.id` is `query` and `id`. Undefined for what is in its body. */
export function besideBody(path: string): { root: 'query' | 'header'; name: string } | undefined {
  const [root, name] = stepsOf(path)
  return root === 'query' || root === 'header' ? { root, name: String(name) } : undefined
}

function stepsOf(path: string): Array<string | number> {
  const steps: Array<string | number> = []
  step.lastIndex = 0
  while (step.lastIndex < path.length) {
    const at = step.lastIndex
    const found = step.exec(path)
    if (found === null) throw new Error(`${JSON.stringify(path)} cannot be read from ${JSON.stringify(path.slice(at))}`)
    const [, name, index, quoted] = found
    steps.push(index === undefined ? (name ?? quoted!) : Number(index))
  }
  if (steps.length === 0) throw new Error('the path is empty')
  return steps
}

function walk(from: unknown, steps: ReadonlyArray<string | number>): unknown {
  let at = from
  for (const name of steps) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string | number, unknown>)[name]
  }
  return at
}
