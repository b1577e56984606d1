// All primitives that have effects or need the engine. The others (t, language,
// parseNumber, generateCode, secret, log, refuse) are answered in the sandbox:
// sandbox/guest/globals.ts.

import { message } from './message.ts'
import type { Primitive } from './primitive.ts'
import { schedule, unschedule } from './schedule.ts'
import { sendSms } from './send-sms.ts'
import { storageUpdate } from './storage-update.ts'
import { storageDelete, storageGet, storageIncrement, storageList, storageSet } from './storage.ts'

export const primitives: readonly Primitive[] = [
  sendSms,
  message,
  storageGet,
  storageSet,
  storageDelete,
  storageIncrement,
  storageUpdate,
  storageList,
  schedule,
  unschedule,
]
