// The closed table of error codes: what an API consumer may rely on.
//
// The code is the contract; title and detail are for people and may change.
// Every code answers as RFC 9457 problem+json (http/problem.ts).

export const errorTable = {
  invalid_json: { status: 400, title: 'The body is not a JSON object' },
  invalid_request: { status: 400, title: 'The request is invalid' },
  unauthorized: { status: 401, title: 'No or unknown token' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  idempotency_in_progress: { status: 409, title: 'The first request with this key is still running' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body has to be application/json' },
  idempotency_mismatch: { status: 422, title: 'The key was used with another request' },
  invalid_script: { status: 422, title: 'The script cannot be used' },
  rate_limited: { status: 429, title: 'Too many requests' },
  blocked: { status: 429, title: 'Blocked' },
  script_error: { status: 500, title: 'The script failed' },
  script_out_of_memory: { status: 500, title: 'The script ran out of memory' },
  script_crashed: { status: 500, title: 'The script crashed its sandbox' },
  script_limit: { status: 500, title: 'The script exceeded a limit' },
  replay_diverged: { status: 500, title: 'The script did not repeat its own steps' },
  script_suspended: { status: 503, title: 'The script is suspended' },
  overloaded: { status: 503, title: 'Too many runs at once' },
  storage_unavailable: { status: 503, title: 'The storage cannot be reached' },
  script_timeout: { status: 504, title: 'The script took too long' },
  // What only scripts refuse with (contract, section 4); listed for their titles.
  invalid_number: { status: 400, title: 'Not a valid phone number' },
  unsupported_number: { status: 400, title: 'This kind of number is not served' },
  number_rejected: { status: 422, title: 'The number cannot be reached' },
  too_soon: { status: 429, title: 'Too soon' },
  too_many_sends: { status: 429, title: 'Too many messages' },
  too_many_checks: { status: 429, title: 'Too many wrong codes' },
  expired: { status: 410, title: 'Expired' },
  already_verified: { status: 409, title: 'Already verified' },
  canceled: { status: 409, title: 'Canceled' },
} as const

export type ErrorCode = keyof typeof errorTable

/** Facts beside an error: plain JSON, shown to the caller. Never a secret, a code or a whole number. */
export type Facts = Record<string, unknown>

/** A failure with a code of the table. `facts` reach the caller, `cause` reaches only our logs. */
export class EngineError extends Error {
  readonly code: ErrorCode
  readonly facts: Facts

  constructor(code: ErrorCode, facts: Facts = {}, options: { cause?: unknown; message?: string } = {}) {
    super(options.message ?? errorTable[code].title, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EngineError'
    this.code = code
    this.facts = facts
  }

  get status(): number {
    return errorTable[this.code].status
  }
}

/** Something that keeps the engine from starting: printed as one line, exit code 1. */
export class StartError extends Error {
  /** It may be over in a moment: the start is tried again for a while. */
  readonly mayPass: boolean

  constructor(message: string, options: { cause?: unknown; mayPass?: boolean } = {}) {
    super(message, options)
    this.name = 'StartError'
    this.mayPass = options.mayPass === true
  }
}
