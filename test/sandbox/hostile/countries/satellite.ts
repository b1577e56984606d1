// Sends to networks that belong to no country and cost the most.
// Refused: no country, not granted.
// expect: 200 answer ["refused","refused","refused"]
// needs: countries=US,GB
export default () =>
  Promise.all(
    ['+881612345678', '+882162345678', '+9791234567890'].map(to =>
      sendSms({ to, text: 'x' }).then(
        () => 'sent',
        () => 'refused',
      ),
    ),
  )
