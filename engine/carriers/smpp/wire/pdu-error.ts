// What cannot be read from the wire, with what an answer to it needs.

import type { CommandName } from './commands.ts'

export interface PduErrorFacts {
  /** The command_status to answer with. */
  status: number
  /** Of the unreadable PDU; 0 when not even that can be told. */
  sequence: number
  /** Missing for a command that SMPP 3.4 does not have: those get a generic_nack. */
  command?: CommandName | undefined
  /** As it stood in the header, also where it has no name; 0 when there was no header. */
  commandId?: number
}

/** Its message names fields and lengths, never what they hold. */
export class PduError extends Error {
  override readonly name = 'PduError'
  readonly status: number
  readonly sequence: number
  readonly command: CommandName | undefined
  readonly commandId: number

  constructor(message: string, facts: PduErrorFacts) {
    super(message)
    this.status = facts.status
    this.sequence = facts.sequence
    this.command = facts.command
    this.commandId = facts.commandId ?? 0
  }
}
