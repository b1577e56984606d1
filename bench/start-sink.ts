// Starts the SMPP sink (smpp-sink.ts) and asks it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import type { SinkOptions, SinkQuestion, SinkState } from './smpp-sink.ts'

export interface Sink {
  port: number
  pid: number
  /** One question at a time; rejects when the sink has ended. */
  ask(question: SinkQuestion): Promise<SinkState>
  stop(): Promise<void>
}

export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const child = fork(join(import.meta.dirname, 'smpp-sink.ts'), [JSON.stringify(options)], {
    env: { PATH: process.env.PATH },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  async function answer(): Promise<SinkState> {
    const end = ended.then(([code]) => Promise.reject(new Error(`the sink ended (${code})`)))
    const [state] = await Promise.race([once(child, 'message'), end])
    return state as SinkState
  }
  const { port } = await answer()
  return {
    port,
    pid: child.pid!,
    ask(question) {
      child.send(question)
      return answer()
    },
    async stop() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
