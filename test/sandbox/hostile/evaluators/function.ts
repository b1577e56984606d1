// Makes code of a text with Function.
// Not there: the constructor is inert.
// expect: 500 script_error
// says: TypeError
export default () => new Function('return this')()
