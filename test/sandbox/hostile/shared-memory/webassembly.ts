// Compiles code that no limit of JavaScript sees.
// Not there.
// expect: 500 script_error
// says: WebAssembly
export default () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))
