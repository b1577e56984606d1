// Climbs to the sandbox process through what it is called with.
// Its arguments are made inside the isolate, from text.
// expect: 200 answer ["Function","Function"]
export default (request, call) =>
  [request, call].map(given => {
    try {
      return given.constructor.constructor('return process')().pid
    } catch {
      return given.constructor.constructor.name
    }
  })
