// What Infobip's codes mean for us (its "Message status codes" and "Response
// status and error codes"). `why` is there wherever the number is at fault:
// only then does a script tell its user that the number cannot be reached.

import type { ReportState, Verdict } from '../carrier.ts'

export interface InfobipStatus {
  /** In the answer to a submit; absent: it took the message. */
  verdict?: Verdict
  /** With a verdict: the account is to blame, and nothing goes through it. */
  carrierAtFault?: boolean
  /** In a report; absent: it will say more later. */
  state?: ReportState
  /** Why it is the number that is at fault. */
  why?: string
}

const noSuchNumber: InfobipStatus = {
  verdict: 'final',
  state: 'rejected',
  why: 'no network has numbers of that prefix or length',
}

const statuses = new Map<number, InfobipStatus>([
  [2, {}], // DELIVERED_TO_OPERATOR: in the group DELIVERED, but a later report may tell of the phone
  [5, { state: 'delivered' }], // DELIVERED_TO_HANDSET
  [4, { verdict: 'elsewhere', state: 'failed' }], // UNDELIVERABLE_REJECTED_OPERATOR: a filter or a fault of the operator
  [6, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_NETWORK: not covered, or not set up on this account
  [8, noSuchNumber], // REJECTED_PREFIX_MISSING
  [9, { verdict: 'elsewhere', state: 'undelivered' }], // UNDELIVERABLE_NOT_DELIVERED: the error beside it says why
  [10, { verdict: 'final', state: 'rejected', why: 'its owner takes no service SMS (do not disturb)' }], // REJECTED_DND
  [11, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_SOURCE: the sender is not registered
  [12, { verdict: 'elsewhere', carrierAtFault: true, state: 'failed' }], // REJECTED_NOT_ENOUGH_CREDITS
  [13, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_SENDER: the sender is blocked
  [14, { verdict: 'final', state: 'rejected', why: 'it is on a blocklist, by its operator or after a STOP' }], // REJECTED_DESTINATION(_BLOCKLISTED)
  [15, { verdict: 'elsewhere', state: 'expired' }], // EXPIRED_EXPIRED
  [17, { verdict: 'elsewhere', carrierAtFault: true, state: 'failed' }], // REJECTED_PREPAID_PACKAGE_EXPIRED
  [18, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_DESTINATION_NOT_REGISTERED: a trial account
  [19, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_ROUTE_NOT_AVAILABLE
  [20, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_FLOODING_FILTER: too many to one number in an hour
  [21, { verdict: 'later', state: 'failed' }], // REJECTED_SYSTEM_ERROR: "retry"
  // The ids are ours and belong to one message: it has that message from an
  // attempt whose answer was lost, and this is what keeps it from going out twice.
  [23, {}], // REJECTED_DUPLICATE_MESSAGE_ID
  [24, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_INVALID_UDH
  [25, { verdict: 'elsewhere', state: 'failed' }], // REJECTED_MESSAGE_TOO_LONG: 25 parts, 4,000 octets
  [29, { verdict: 'elsewhere', state: 'expired' }], // EXPIRED_DLR_UNKNOWN
  [31, { verdict: 'elsewhere', state: 'failed' }], // UNDELIVERABLE_NOT_SENT
  [51, { verdict: 'elsewhere', state: 'failed' }], // MISSING_TO: our request, not the number
  [52, noSuchNumber], // REJECTED_DESTINATION, formerly REJECTED_INVALID_DESTINATION
  // Taken for fraud: whoever earns by such messages would earn through another carrier as well.
  [87, { verdict: 'final', state: 'failed' }], // SIGNALS_BLOCKED
  [100, { verdict: 'elsewhere', state: 'failed' }], // UNDELIVERABLE_REJECTED_PLATFORM
])

/** What is not in the table, by its group. */
const groups = new Map<number, InfobipStatus>([
  [0, {}], // OK
  [1, {}], // PENDING
  [2, { verdict: 'elsewhere', state: 'undelivered' }], // UNDELIVERABLE
  [3, {}], // DELIVERED, but not known whether to the phone
  [4, { verdict: 'elsewhere', state: 'expired' }], // EXPIRED
  [5, { verdict: 'elsewhere', state: 'failed' }], // REJECTED
])

/** Undefined for a group that is not known: nobody can tell. */
export function infobipStatus(groupId: number, id: number): InfobipStatus | undefined {
  // What is under way is under way, by whichever id.
  return groupId === 1 ? groups.get(1) : (statuses.get(id) ?? groups.get(groupId))
}

/**
 * `error.id` of a report (GSM error codes) that put the number at fault. Not
 * among them: absent and busy phones, full memories, barred calls (unpaid
 * bills), 351 (also a lack of credit) and everything of networks and protocols.
 */
export const infobipNumberErrors: ReadonlyMap<number, string> = new Map([
  [1, 'no subscriber has it'], // EC_UNKNOWN_SUBSCRIBER
  [9, 'its SIM fails the authentication of its network'], // EC_ILLEGAL_SUBSCRIBER
  [11, 'its subscription has no SMS'], // EC_TELESERVICE_NOT_PROVISIONED
  [352, 'its country code is none'], // EC_INVALID_REQUEST_DESTINATION
  [573, 'its owner has blocked the sender'], // EC_SC_BLOCKED_BY_END_USER
  [629, 'it cannot receive SMS'], // EC_DEST_ADDRESS_UNABLE_TO_RECEIVE_SMS
  [2_049, 'its SIM is on the blocklist of its network'], // EC_IMSI_BLACKLISTED
  [2_050, 'it is on a do-not-disturb list'], // EC_DEST_ADDRESS_BLACKLISTED
])
