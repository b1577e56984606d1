// Leaves marks on whatever can be reached, for a later run to find.
// Frozen: nothing that two runs share can be written.
// expect: 200 answer []
const shared = () => [
  globalThis,
  Object.prototype,
  Function.prototype,
  Error,
  Intl.DateTimeFormat,
  Symbol.iterator.constructor,
  storage,
  storage.get,
  refuse,
  storage.get('key').constructor,
  Object.getPrototypeOf(storage.get('key')),
  Object.getPrototypeOf(async function* () {}),
  Object.getPrototypeOf([][Symbol.iterator]()),
  Object.getPrototypeOf(''.matchAll(/x/g)),
]
export const prepare = () => {
  for (const place of shared()) {
    try {
      place.mark = 'left'
    } catch {
      continue
    }
  }
}
export default () => shared().flatMap((place, index) => (place.mark === undefined ? [] : [index]))
