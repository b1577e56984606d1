// Sequence numbers of one session: 1 to 0x7fffffff, then 1 again (SMPP 3.4,
// section 5.1.4), without those that still wait for their answer.

export const lastSequence = 0x7fff_ffff

/** `start`: the number before the first. */
export function createSequence(taken: (sequence: number) => boolean, start = 0): () => number {
  let sequence = start
  return () => {
    do sequence = sequence >= lastSequence ? 1 : sequence + 1
    while (taken(sequence))
    return sequence
  }
}
