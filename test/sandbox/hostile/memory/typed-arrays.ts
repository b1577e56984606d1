// Keeps typed arrays, whose memory lies outside the heap.
// Stopped by the isolate's allocator, which counts them.
// expect: 500 script_error or 500 script_out_of_memory or 504 script_timeout
export default () => {
  const all = []
  for (;;) all.push(new Uint8Array(1_000_000).fill(1))
}
