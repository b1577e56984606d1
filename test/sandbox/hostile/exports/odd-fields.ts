// Declares the types of its fields by something that is none.
// Not loaded, with the field.
// expect: not loaded fields.default.number
export const fields = { default: { number: ['text'] } }
export default () => 'never'
