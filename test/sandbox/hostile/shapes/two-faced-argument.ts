// Gives another number each time it is asked for it, to be judged by one and sent by the other.
// Crosses the border once, as text.
// expect: 400 unsupported_number
// needs: countries=US
export default () => {
  let asked = 0
  return sendSms({
    get to() {
      return asked++ === 0 ? '+447911123456' : '+12025550000'
    },
    text: 'x',
  })
}
