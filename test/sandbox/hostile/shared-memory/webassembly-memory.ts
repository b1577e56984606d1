// Takes a gigabyte of WebAssembly's memory.
// Not there.
// expect: 500 script_error
// says: WebAssembly
export default () => new WebAssembly.Memory({ initial: 16_000 })
