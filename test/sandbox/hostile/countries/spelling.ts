// Spells a number so that it looks granted before it is cleaned.
// Refused: a number is E.164 or none.
// expect: 200 answer ["script","script","script","script"]
// needs: countries=+1
export default () =>
  Promise.all(
    ['+1\n+447911123456', '+1 447911123456', ['+12025550000'], '+1;+447911123456'].map(to =>
      sendSms({ to, text: 'x' }).then(
        () => 'sent',
        () => 'script',
      ),
    ),
  )
