// Which slots of a carrier an engine takes, and which one it gives away: pure.
//
// Whoever has fewest takes what is free; whoever has most, and two more than
// another, gives one away. Then they differ by one at most and nothing moves any
// more, which a share of ceil(slots / engines) would not do: with four slots and
// three engines it is content with 2, 2, 0. What different engines have seen may
// be a second apart; then a slot finds two takers, of whom one gets it, or two
// give one, and both find takers.

export interface SlotMove {
  take: number[]
  give: number | undefined
}

/** `owners` by slot, null where nobody has it; `others` are the engines beside `me` that want slots of this carrier. */
export function balanceSlots(owners: ReadonlyArray<string | null>, me: string, others: readonly string[]): SlotMove {
  const countOf = (engine: string): number => owners.filter(owner => owner === engine).length
  const counts = others.map(engine => ({ engine, count: countOf(engine) }))
  const least = Math.min(...counts.map(({ count }) => count))
  let mine = countOf(me)
  const take: number[] = []
  for (const [slot, owner] of owners.entries()) {
    if (owner !== null || mine > least) continue
    take.push(slot)
    mine++
  }
  // While one is free, whoever has fewest can have that.
  const isMost = counts.every(({ engine, count }) => mine > count || (mine === count && me < engine))
  const mayGive = !owners.includes(null) && isMost && mine - least >= 2
  return { take, give: mayGive ? owners.lastIndexOf(me) : undefined }
}
