import type { Backend } from '#core/candidate.ts'
import type { Protocol } from '#core/dialect.ts'
import { Secret } from '#core/secret.ts'
import type { DoctorPorts } from '#doctor/examine.ts'
import type { Finding } from '#doctor/finding.ts'
import type { Machine } from '#doctor/machine.ts'
import type { BackendUse } from '#doctor/subject.ts'
import { Http1Client } from '#http1/client.ts'
import { systemResolver } from '#http1/dns.ts'
import { systemClock } from '#ports/clock.ts'
import { backendOf } from './candidate.ts'

/** A machine on which all is well, with overrides. */
export function machineOf(overrides: Partial<Machine> = {}): Machine {
  return {
    openFilesMax: async () => await Promise.resolve(65_536),
    disk: async (folder) => await Promise.resolve({ folder, freeBytes: 50 * 1024 ** 3, isWritable: true }),
    memoryMax: () => undefined,
    memoryBytes: () => 8 * 1024 ** 3,
    isShared: async () => await Promise.resolve(false),
    listenFault: async () => await Promise.resolve(undefined),
    timeZone: () => 'Europe/Berlin',
    describe: () => 'a machine',
    ...overrides,
  }
}

/** The real clock and network of loopback, on a machine on which all is well. */
export function portsOf(overrides: Partial<DoctorPorts> = {}): DoctorPorts {
  const clock = systemClock
  const resolver = systemResolver(clock)
  return { clock, resolver, transport: new Http1Client({ clock, resolver }), machine: machineOf(), ...overrides }
}

/** A backend of one protocol, and the models that one alias each wants of it. */
export function useOf(
  url: URL | string,
  overrides: Partial<Backend> = {},
  protocol: Protocol = 'openai',
  models: readonly string[] = [],
): BackendUse {
  const backend = backendOf('b', { url: new URL(url), apiKey: new Secret('sk-of-backend-1234'), ...overrides })
  const wanted = new Map(models.map((model) => [model, [`alias-of-${model}`]]))
  return { backend, models: new Map([[protocol, wanted]]) }
}

/** Findings as a person reads them, times left out. */
export function linesOf(findings: readonly Finding[]): string[] {
  return findings.map(({ level, what, todo }) =>
    `${level} ${what}${todo === undefined ? '' : ` — ${todo}`}`.replace(/\b\d+ ms\b/g, 'N ms'),
  )
}
