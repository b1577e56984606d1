// Answers with a toJSON that says undefined, which is no JSON.
// An error like others.
// expect: 500 script_error
export default () => ({ toJSON: () => undefined })
