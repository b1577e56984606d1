// Settings of providers that have no adapter of their own, beside `driver` and
// `baseUrl`; docs/carriers.md shows them.

export const plivo = {
  basicAuth: { username: 'MAXXXXXXXXXXXXXXXXXX', password: 'plivo-auth-token' },
  path: '/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/',
  json: { src: '{{from}}', dst: '{{toDigits}}', text: '{{text}}', url: '{{callbackUrl}}', method: 'POST' },
  accepted: { status: ['2xx'], where: { path: 'message_uuid[0]' } },
  id: 'message_uuid',
  error: 'error',
  report: {
    id: 'form.MessageUUID',
    state: 'form.Status',
    states: { delivered: 'delivered', undelivered: 'undelivered', failed: 'failed' },
    error: 'form.ErrorCode',
    // 50 invalid, 70 permanently unavailable, 200 its owner sent STOP; 420 ran out of time.
    errors: { '50': 'rejected', '70': 'rejected', '200': 'rejected', '420': 'expired' },
    to: 'form.To',
  },
  inbound: { from: 'form.From', to: 'form.To', text: 'form.Text', id: 'form.MessageUUID' },
}

export const sinch = {
  path: '/xms/v1/my-plan/batches',
  headers: { authorization: 'Bearer sinch-api-token' },
  json: {
    from: '{{from}}',
    to: ['{{toDigits}}'],
    body: '{{text}}',
    delivery_report: 'per_recipient',
    callback_url: '{{callbackUrl}}',
    client_reference: '{{id}}',
  },
  accepted: { status: ['201'], where: { path: 'id' } },
  id: 'id',
  error: 'code',
  refusals: [
    { status: ['400'], where: { path: 'code', equals: ['syntax_invalid_parameter_format'] }, verdict: 'elsewhere' },
    { status: ['403'], where: { path: 'code', equals: ['unknown_group'] }, verdict: 'final' },
  ],
  report: {
    id: 'batch_id',
    state: 'status',
    states: {
      Delivered: 'delivered',
      Failed: 'undelivered',
      Expired: 'expired',
      Rejected: 'failed',
      Aborted: 'failed',
      Cancelled: 'failed',
      // An invalid number, or one that opted out.
      Deleted: 'rejected',
      Unknown: 'undelivered',
    },
    error: 'code',
    to: 'recipient',
  },
  inbound: { from: 'from', to: 'to', text: 'body', id: 'id' },
  signature: {
    header: 'x-sinch-webhook-signature',
    algorithm: 'sha256',
    encoding: 'base64',
    secret: 'foo_secret1234',
    over: '{{body}}.{{header.x-sinch-webhook-signature-nonce}}.{{header.x-sinch-webhook-signature-timestamp}}',
  },
}
