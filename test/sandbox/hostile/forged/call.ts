// Changes what it is told of its call, to act for another run.
// What the engine knows of a run is not asked of the script.
// expect: 200 answer true
export default async (_, call) => {
  const own = call.id
  call.id = 'run_forged'
  call.script = 'good'
  call.token.scopes = ['admin']
  const { id } = await sendSms({ to: '+12025550000', text: 'whose?' })
  return id === `${own}.1`
}
