// Imports code that it has written itself.
// Refused: nothing is imported at run time.
// expect: 200 answer "refused"
export default async ({ type = 'text/javascript' }) => {
  try {
    return (await import(`data:${type},export default 1`)).default
  } catch {
    return 'refused'
  }
}
