// What was seen lately, by a text: the last `size` to twice `size` of it. Two
// generations, since taking the oldest out of a Map one by one makes it slower
// with every one that goes.

export interface Recent<Value> {
  get(text: string): Value | undefined
  has(text: string): boolean
  set(text: string, value: Value): void
}

export function createRecent<Value>(size: number): Recent<Value> {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  return {
    get: text => young.get(text) ?? old.get(text),
    has: text => young.has(text) || old.has(text),
    set(text, value) {
      if (young.size >= size) {
        old = young
        young = new Map()
      }
      young.set(text, value)
    },
  }
}
