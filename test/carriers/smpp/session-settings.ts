// Of a session that waits for nobody for less than ten seconds.

import type { SessionSettings } from '../../../engine/carriers/smpp/session/session-settings.ts'

export function sessionSettings(port: number): Omit<SessionSettings, 'kind'> {
  return {
    host: '127.0.0.1',
    port,
    systemId: 'user',
    password: 'secret',
    systemType: '',
    window: 10,
    connectTimeoutMs: 10_000,
    bindTimeoutMs: 10_000,
    responseTimeoutMs: 10_000,
    enquireLinkMs: 10_000,
    enquireTimeoutMs: 10_000,
    partialPduMs: 10_000,
    unbindTimeoutMs: 1_000,
    openDeliveries: 1_000,
  }
}
