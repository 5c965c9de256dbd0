import { describe, expect, test } from 'bun:test'
import type { CompileProblem } from '#core/problem.ts'
import { restartKeys } from '#snapshot/diff.ts'
import { compileSharing } from '#snapshot/sharing.ts'
import type { ListenAddress } from '#snapshot/snapshot.ts'
import { snapshotOf } from '../../support/compiled.ts'

const tcp: ListenAddress = { kind: 'tcp', host: undefined, port: 8080 }
const unix: ListenAddress = { kind: 'unix', path: '/run/llm-proxy.sock' }

describe('a port that several processes share', () => {
  test.each([
    { name: 'nobody shares', server: { reuse_port: false, workers: 1 }, listen: unix, platform: 'win32', says: [] },
    { name: 'Linux can', server: { reuse_port: true, workers: 4 }, listen: tcp, platform: 'linux', says: [] },
    {
      name: 'macOS cannot',
      server: { reuse_port: true, workers: 'auto' },
      listen: tcp,
      platform: 'darwin',
      says: ['server.reuse_port: several processes can', 'server.workers: several processes can share a port on Linux'],
    },
    {
      name: 'Windows cannot',
      server: { reuse_port: false, workers: 2 },
      listen: tcp,
      platform: 'win32',
      says: ['server.workers: several processes can share a port on Linux only'],
    },
    {
      name: 'a unix socket cannot be',
      server: { reuse_port: true, workers: 1 },
      listen: unix,
      platform: 'linux',
      says: ['server.reuse_port: a unix socket belongs to one process'],
    },
  ] as const)('$name', ({ server, listen, platform, says }) => {
    const problems: CompileProblem[] = []
    const sharing = compileSharing(server, listen, problems, platform)
    expect(sharing).toEqual({ withOthers: server.reuse_port, workers: server.workers })
    expect(problems.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual(
      says.map((start) => expect.stringContaining(start)),
    )
  })

  test.skipIf(process.platform !== 'linux')('needs a restart to be another', () => {
    const before = snapshotOf({})
    expect(restartKeys(before, snapshotOf({ server: { reuse_port: true } }))).toEqual(['server.reuse_port'])
    expect(restartKeys(before, snapshotOf({ server: { workers: 2 } }))).toEqual(['server.workers'])
    expect(restartKeys(before, snapshotOf({ server: { memory_limit: '1gb' } }))).toEqual([])
  })
})
