// Who gives how much when an engine takes from a lane that lies in many shards.

/** What of one priority waits in one shard. */
export interface Heap {
  shard: string
  priority: number
  due: number
  /** With the fraction that puts those of one millisecond in order. */
  firstAt: number
}

/**
 * What each shard is to give of each priority, the lower ones first. Where not
 * all of a priority can go, the shards give in turn, beginning with whose first
 * is due the longest: nearly in the order of time, without reading it all.
 */
export function share(heaps: Heap[], limit: number): Map<string, Array<[priority: number, count: number]>> {
  const orders = new Map<string, Array<[number, number]>>()
  let left = limit
  for (const priority of [...new Set(heaps.map(heap => heap.priority))].sort((a, b) => a - b)) {
    const open = heaps
      .filter(heap => heap.priority === priority)
      .sort((a, b) => a.firstAt - b.firstAt)
      .map(({ shard, due }) => ({ shard, due, count: 0 }))
    while (left > 0 && open.some(({ due, count }) => count < due)) {
      const hungry = open.filter(({ due, count }) => count < due)
      const each = Math.max(1, Math.floor(left / hungry.length))
      for (const one of hungry) {
        const more = Math.min(each, one.due - one.count, left)
        one.count += more
        left -= more
      }
    }
    for (const { shard, count } of open) {
      if (count === 0) continue
      const order = orders.get(shard) ?? []
      order.push([priority, count])
      orders.set(shard, order)
    }
  }
  return orders
}
