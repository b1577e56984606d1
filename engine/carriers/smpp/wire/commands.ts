// The commands of SMPP 3.4 and their numbers on the wire (section 5.1.2.1).

/** An answer has the number of its request with the highest bit set. */
const responseBit = 0x8000_0000

const commandIds = {
  bind_receiver: 0x0000_0001,
  bind_receiver_resp: 0x8000_0001,
  bind_transmitter: 0x0000_0002,
  bind_transmitter_resp: 0x8000_0002,
  query_sm: 0x0000_0003,
  query_sm_resp: 0x8000_0003,
  submit_sm: 0x0000_0004,
  submit_sm_resp: 0x8000_0004,
  deliver_sm: 0x0000_0005,
  deliver_sm_resp: 0x8000_0005,
  unbind: 0x0000_0006,
  unbind_resp: 0x8000_0006,
  replace_sm: 0x0000_0007,
  replace_sm_resp: 0x8000_0007,
  cancel_sm: 0x0000_0008,
  cancel_sm_resp: 0x8000_0008,
  bind_transceiver: 0x0000_0009,
  bind_transceiver_resp: 0x8000_0009,
  outbind: 0x0000_000b,
  enquire_link: 0x0000_0015,
  enquire_link_resp: 0x8000_0015,
  submit_multi: 0x0000_0021,
  submit_multi_resp: 0x8000_0021,
  alert_notification: 0x0000_0102,
  data_sm: 0x0000_0103,
  data_sm_resp: 0x8000_0103,
  generic_nack: 0x8000_0000,
} as const

export type CommandName = keyof typeof commandIds

// What Object.entries says of its keys is wider than what it has here.
export const commandNames = Object.keys(commandIds) as CommandName[]

const namesById = new Map<number, CommandName>(commandNames.map(name => [commandIds[name], name]))

export function commandId(name: CommandName): number {
  return commandIds[name]
}

/** Undefined for a number that SMPP 3.4 does not have. */
export function commandName(id: number): CommandName | undefined {
  return namesById.get(id)
}

/** Whether a command answers another one; a generic_nack does too. */
export function isResponse(name: CommandName): boolean {
  return commandIds[name] >= responseBit
}

/** What a command is answered with; undefined for answers and for those that get none. */
export function responseTo(name: CommandName): CommandName | undefined {
  return isResponse(name) ? undefined : namesById.get(commandIds[name] + responseBit)
}
