// Refuses with facts that are called like the parts of an object.
// Fields like others: none of them changes what the engine says.
// expect: 409 odd {"type":"about:blank","status":409,"code":"odd","constructor":1}
export default () => {
  throw refuse('odd', JSON.parse('{"status":409,"__proto__":{"status":200},"constructor":1,"code":"fine","type":"x"}'))
}
