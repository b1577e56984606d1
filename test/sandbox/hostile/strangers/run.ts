// Looks for the codes and the words of an earlier run of the same script.
// A fresh instance of the module, no statics of expressions, no shared object that can be written.
// expect: 200 answer {"kept":[],"last":null,"words":null}
const kept = []
export const prepare = () => {
  kept.push(generateCode())
  globalThis.words?.push('secret')
  return /(\d+)/.test('code 123456')
}
export default () => ({ kept, last: RegExp.$1 ?? null, words: globalThis.words ?? null })
