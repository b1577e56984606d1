// Climbs to the constructor of every kind of function there is.
// All inert: no text becomes code.
// expect: 200 answer ["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]
export default () =>
  [
    () => {},
    async () => {},
    function* () {},
    async function* () {},
    storage.get,
    refuse,
    Object.getPrototypeOf(storage.get('key')).then,
    class {},
  ].map(made => {
    try {
      return typeof made.constructor('return this')()
    } catch (error) {
      return error.name
    }
  })
