// Makes memory that two runs could share, and a clock of it.
// Not there.
// expect: 500 script_error
// says: SharedArrayBuffer
export default () => new SharedArrayBuffer(1024)
