// Throws what looks like a refusal, with a status that only the engine has.
// Only refuse() makes one, and its status is from 400 to 499.
// expect: 500 script_error
export default () => {
  const forged = refuse('fine', { status: 418 })
  throw Object.assign(Object.create(forged), { code: 'forged', status: 200 })
}
