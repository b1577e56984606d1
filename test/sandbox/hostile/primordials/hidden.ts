// Leaves marks on prototypes that no property leads to: only what is made by them shows them.
// Frozen: nothing that two runs share can be written.
// expect: 200 answer []
const shared = () => {
  const segments = new Intl.Segmenter('en').segment('x')
  return Object.entries({
    segments: Object.getPrototypeOf(segments),
    segmentIterator: Object.getPrototypeOf(segments[Symbol.iterator]()),
    iteratorHelper: Object.getPrototypeOf([].values().map(value => value)),
    wrapped: Object.getPrototypeOf(Iterator.from({ next() {} })),
    matches: Object.getPrototypeOf(''.matchAll(/x/g)),
    entries: Object.getPrototypeOf(new Map().entries()),
    bound: Object.getPrototypeOf(new Intl.DateTimeFormat('en').format),
  })
}
export const prepare = () => {
  for (const [, place] of shared()) {
    try {
      place.mark = 'left'
    } catch {
      continue
    }
  }
}
export default () => shared().flatMap(([name, place]) => (place.mark === undefined ? [] : [name]))
