// A strict reader of CSV.

/** RFC 4180 as it stands: every line ends with CRLF, quotes only around whole cells. */
export function readCsv(text: string): Array<Record<string, string>> {
  const rows: string[][] = [[]]
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex
    const found = cell.exec(text)
    if (found === null) throw new Error(`no CSV at ${JSON.stringify(text.slice(at, at + 80))}`)
    rows.at(-1)!.push(found[1]?.replaceAll('""', '"') ?? found[2]!)
    if (found[3] === '\r\n') rows.push([])
  }
  if (rows.pop()!.length > 0) throw new Error('the last line has no end')
  const [names, ...lines] = rows as [string[], ...string[][]]
  return lines.map(line => {
    if (line.length !== names.length) throw new Error(`a row of ${line.length} cells`)
    return Object.fromEntries(names.map((name, index) => [name, line[index]!]))
  })
}
