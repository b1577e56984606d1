// Answers with a field that is called __proto__.
// A field like others, on both sides.
// expect: 200 answer {"text":"{\"__proto__\":{\"admin\":true}}"}
export default () => ({ text: JSON.stringify(JSON.parse('{"__proto__":{"admin":true}}')) })
