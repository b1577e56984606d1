// Answers with a Proxy that claims to be an array of four billion.
// Read inside the turn: stopped by the time limit, or refused as too long for a text.
// expect: 504 script_timeout limit=cpu or 500 script_error or 500 script_out_of_memory
export default () => new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 32 - 1 : 0) })
