// JSON of a graph that shares its parts: small in memory, endless as text.
// Stopped from outside, since no time limit interrupts JSON.stringify.
// expect: 504 script_timeout or 500 script_out_of_memory or 500 script_crashed or 500 script_error
export default () => {
  let graph = []
  for (let level = 0; level < 40; level++) graph = [graph, graph]
  return graph
}
