// Gives a call a toJSON that says something else than its fields.
// What it says is checked as any argument is.
// expect: 500 script_error
// says: sendSms
export default () => sendSms({ to: '+12025550000', text: 'x', toJSON: () => ['call', 1, 'storage.get'] })
