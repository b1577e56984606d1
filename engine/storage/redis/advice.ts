// Settings of Redis under which it may lose what it has answered.

import type { Link } from './link.ts'

/** Of each node that takes writes; what a node does not tell (a user without INFO) is said too. */
export async function adviceFor(link: Link, replicas: number): Promise<string[]> {
  const found = new Set<string>()
  let infos: string[]
  try {
    infos = await link.infos()
  } catch {
    return ['Redis does not tell its settings (INFO): AOF and eviction policy were not looked at']
  }
  for (const info of infos) {
    const value = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
    if (value('aof_enabled') === '0')
      found.add('Redis keeps no AOF: what it answered is lost when it dies; set appendonly yes')
    const policy = value('maxmemory_policy')
    if (policy !== undefined && policy !== 'noeviction')
      found.add(`Redis throws entries away when memory runs short (${policy}): set maxmemory-policy noeviction`)
    const connected = Number(value('connected_slaves') ?? 0)
    if (connected < replicas)
      found.add(`${connected} replicas are there, redisWaitReplicas is ${replicas}: nothing can be promised`)
    if (connected > 0 && replicas === 0)
      found.add('Redis has replicas, and redisWaitReplicas is 0: a failover may forget what was promised')
  }
  return [...found]
}
