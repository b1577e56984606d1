// Settings of a schema as rows of a table, for the documents that show them.

/** As much of a JSON schema as settings have. */
interface Shape {
  default?: unknown
  description?: string
  enum?: unknown
  required?: readonly string[]
  properties?: object
  patternProperties?: object
  items?: unknown
  anyOf?: readonly unknown[]
}

/** `| setting | default | what it is |`; settings within settings as `outer.inner`, `list[].inner`, `record.*.inner`. */
export function settingRows(schema: object, prefix = ''): string[] {
  const { properties = {}, required = [] } = schema as Shape
  return Object.entries(properties as Record<string, Shape>).flatMap(([name, setting]) => {
    const inner = innerOf(setting).flatMap(([suffix, below]) => settingRows(below, `${prefix}${name}${suffix}.`))
    const preset = setting.default === undefined ? undefined : withInner(setting)
    const needed = required.includes(name) && preset === undefined
    const value = needed ? 'required' : preset === undefined ? 'none' : `\`${JSON.stringify(preset)}\``
    return [`| \`${prefix}${name}\` | ${value} | ${wordsOf(setting)} |`, ...inner]
  })
}

function wordsOf(setting: Shape): string {
  const choices = choicesOf(setting)
  const said = choices === undefined ? [] : [choices.map(choice => `\`${String(choice)}\``).join(', ')]
  return [...(setting.description === undefined ? [] : [setting.description]), ...said].join(': ')
}

function choicesOf(setting: Shape): unknown[] | undefined {
  const { enum: choices, items, patternProperties = {} } = setting
  if (Array.isArray(choices)) return choices
  const values = items ?? Object.values(patternProperties)[0]
  return values === undefined ? undefined : choicesOf(values as Shape)
}

/** Schemas with settings of their own, and what stands between the names. */
function innerOf({ properties, patternProperties = {}, items, anyOf = [], ...rest }: Shape): Array<[string, Shape]> {
  if (properties !== undefined) return [['', { properties, ...rest }]]
  const [values] = Object.values(patternProperties) as Shape[]
  return [
    ...(values?.properties === undefined ? [] : [['.*', values] as [string, Shape]]),
    ...((items as Shape | undefined)?.properties === undefined ? [] : [['[]', items as Shape] as [string, Shape]]),
    ...(anyOf as Shape[]).filter(one => one.properties !== undefined).map((one): [string, Shape] => ['', one]),
  ]
}

/** The default, with those of the settings within it. */
function withInner({ default: given, properties = {} }: Shape): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const inner = Object.entries(properties as Record<string, Shape>).filter(([, { default: own }]) => own !== undefined)
  return { ...Object.fromEntries(inner.map(([name, { default: own }]) => [name, own])), ...given }
}
