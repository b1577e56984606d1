// Looks for the same constructors where they hide: behind prototypes and views.
// Not there.
// expect: 200 answer ["ArrayBuffer","undefined","undefined","undefined"]
export default () => [
  new Uint8Array(1).buffer.constructor.name,
  typeof Object.getPrototypeOf(Uint8Array).SharedArrayBuffer,
  typeof Temporal?.Now,
  typeof Reflect.get(globalThis, 'WebAssembly'),
]
