// Overflows the stack inside the sandbox process, while that answers for texts and numbers of all scripts.
// The answers of others stay right: the scripts beside it ask for the same.
// expect: 200 answer "back"
export default () => {
  let asked = 0
  const deep = () => {
    try {
      deep()
    } catch {
      if (++asked > 400) return
      parseNumber('+4915112345678', { country: 'DE' })
      t('errors.too_soon', { count: 3, context: 'x' }, 'fr')
      throw new Error('next')
    }
  }
  try {
    deep()
  } catch {}
  return 'back'
}
