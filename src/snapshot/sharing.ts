import type { Config } from '#config/schema.ts'
import type { CompileProblem } from '#core/problem.ts'
import type { ListenAddress, PortSharing } from './snapshot.ts'

/** `server.reuse_port` and `server.workers`: Linux shares the connections of a port among processes, and no other system does. */
export function compileSharing(
  { reuse_port: withOthers, workers }: Pick<Config['server'], 'reuse_port' | 'workers'>,
  listen: ListenAddress | undefined,
  problems: CompileProblem[],
  platform: NodeJS.Platform = process.platform,
): PortSharing {
  const refuse = (key: 'reuse_port' | 'workers'): void => {
    const message = objectionToSharing(listen, platform)
    if (message !== undefined) problems.push({ severity: 'error', path: ['server', key], message })
  }
  if (withOthers) refuse('reuse_port')
  if (workers !== 1) refuse('workers')
  return { withOthers, workers }
}

/** Why several processes cannot listen there; undefined when they can. */
export function objectionToSharing(
  listen: ListenAddress | undefined,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (platform !== 'linux') return 'several processes can share a port on Linux only: remove it here'
  if (listen?.kind === 'unix') return 'a unix socket belongs to one process: listen on a port, or remove it'
  return undefined
}
