// How many messages were accepted. Those that were ahead of the disk count once
// their commit is kept: what is lost with it is accepted again when its run is
// played again, and the count must not go back for those who read it. Where
// nothing is lost together each counts at once.

import type { StorageAhead } from '../storage/storage.ts'

export interface AcceptedCount {
  add(isAhead: boolean): void
  read(): number
}

export function createAcceptedCount(ahead: Pick<StorageAhead, 'together' | 'lot' | 'onLost'>): AcceptedCount {
  let kept = 0
  let pending = { lot: ahead.lot(), count: 0 }

  function look(): void {
    const lot = ahead.lot()
    if (lot === pending.lot) return
    kept += pending.count
    pending = { lot, count: 0 }
  }

  ahead.onLost(() => {
    look()
    pending.count = 0
  })

  return {
    add(isAhead) {
      look()
      if (isAhead && ahead.together) pending.count++
      else kept++
    },
    read() {
      look()
      return kept
    },
  }
}
