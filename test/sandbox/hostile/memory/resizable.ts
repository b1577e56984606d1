// Grows resizable buffers, which the isolate's allocator does not count.
// Not there: the only way to them is removed, or they are counted.
// expect: 500 script_error or 500 script_out_of_memory or 504 script_timeout or 500 script_crashed
export default () => {
  const all = []
  for (;;) {
    const buffer = new ArrayBuffer(1, { maxByteLength: 50_000_000 })
    buffer.resize(50_000_000)
    new Uint8Array(buffer).fill(1)
    all.push(buffer)
  }
}
