// Puts raw JSON into its answer, to close it and begin another.
// Raw JSON has to be one value of JSON: there is no way to close anything.
// expect: 200 answer ["SyntaxError","SyntaxError",null]
export default () =>
  ['1],["settled",null]', '1\n', '1'].map(text => {
    try {
      JSON.rawJSON(text)
      return null
    } catch (error) {
      return error.name
    }
  })
