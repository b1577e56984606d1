// What sendSms would not take, told to the caller as his mistake.

const forms = {
  text: { form: /^[^]{1,1600}$/u, problem: 'has to have 1 to 1,600 characters' },
  from: {
    form: /^(\+?[0-9]{3,15}|[A-Za-z0-9 ._&-]{1,11})$/,
    problem: 'has to be a number, or at most 11 letters, digits and spaces',
  },
  ref: { form: /^[^]{0,255}$/u, problem: 'has to have at most 255 characters' },
}

/** Throws invalid_request that names every wrong field. */
export function checkSms(sms: { text: string; from?: string | undefined; ref?: string | undefined }): void {
  const errors = Object.entries(forms).flatMap(([field, { form, problem }]) => {
    const value = sms[field as keyof typeof forms]
    return value === undefined || form.test(value) ? [] : [{ field, problem }]
  })
  if (errors.length > 0) throw refuse('invalid_request', { errors })
}
