// Every microtask makes two more.
// Stopped by the time limit, or by the isolate's memory when that is full first.
// expect: 504 script_timeout limit=cpu or 500 script_out_of_memory
export default () => {
  const breed = () => {
    void Promise.resolve().then(breed)
    void Promise.resolve().then(breed)
  }
  breed()
  return new Promise(() => {})
}
