import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../scripts/compile.ts'
import { freePort, waitUntilListening } from './listening.ts'
import { cores } from './machine.ts'
import type { NativeTools } from './native.ts'
import { start, type Started } from './processes.ts'
import { runDirectory, type UpstreamAddress } from './targets.ts'
import { upstreamBehaviour } from './workloads.ts'

/** The mock upstream, and what ends TLS in front of it. */
export interface Upstream {
  readonly programs: readonly Started[]
  readonly plain: UpstreamAddress
  /** Undefined when no workload needs it. */
  readonly tls: UpstreamAddress | undefined
}

/** Limit: the mock upstream ends after `secondsMax`, whatever becomes of the bench. */
export async function startUpstream(tools: NativeTools, secondsMax: number, needsTls: boolean): Promise<Upstream> {
  const { firstEventMs, gapMs, events, replyBytes } = upstreamBehaviour
  const flags = { t: firstEventMs, g: gapMs, e: events, r: replyBytes, T: Math.ceil(secondsMax) }
  const errorFile = join(runDirectory, 'mock.txt')
  const program = start([tools.mockUpstream, ...toArguments(flags)], { core: cores.load, errorFile })
  for await (const chunk of program.output) {
    const plain = { port: Number(new TextDecoder().decode(chunk)), caFile: undefined }
    if (!needsTls) return { programs: [program], plain, tls: undefined }
    const front = await startTlsFront(plain.port)
    return { programs: [program, front.program], plain, tls: front.address }
  }
  throw new Error('Cannot start the mock upstream: it ended without telling its port')
}

/** What the mock upstream counted since its start. */
export interface UpstreamCounts {
  readonly accepted: number
  readonly requests: number
}

/** Over a connection of its own, which is counted as accepted. */
export async function readUpstream({ plain }: Upstream): Promise<UpstreamCounts> {
  const response = await fetch(`http://127.0.0.1:${plain.port}/stats`, {
    keepalive: false,
    signal: AbortSignal.timeout(5000),
  })
  const counts: UpstreamCounts = JSON.parse(await response.text())
  return counts
}

export function toArguments(flags: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(flags).flatMap(([letter, value]) => [`-${letter}`, `${value}`])
}

async function startTlsFront(upstreamPort: number): Promise<{ program: Started; address: UpstreamAddress }> {
  const { caFile, pemFile } = makeCertificate()
  const port = freePort()
  const errorFile = join(runDirectory, 'tls-front.txt')
  const command = ['haproxy', '-q', '-db', '-f', join(root, 'bench', 'conf', 'tls-front.cfg')]
  const env = { BENCH_PORT: `${port}`, BENCH_UPSTREAM_PORT: `${upstreamPort}`, BENCH_PEM_FILE: pemFile }
  const program = start(command, { core: cores.load, env, errorFile })
  await waitUntilListening(port, program, 'TLS front', errorFile)
  return { program, address: { port, caFile } }
}

/** Self-signed for 127.0.0.1, made for this run: the certificate that targets trust, and the same with its key. */
function makeCertificate(): { caFile: string; pemFile: string } {
  const [caFile, keyFile, pemFile] = ['ca.pem', 'key.pem', 'front.pem'].map((name) => join(runDirectory, name)) as [
    string,
    string,
    string,
  ]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=llm-proxy bench', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const made = Bun.spawnSync(['openssl', ...request, ...names, '-keyout', keyFile, '-out', caFile])
  if (made.exitCode !== 0)
    throw new Error(`Cannot make a certificate for the TLS upstream: openssl refused\n${made.stderr.toString()}`)
  copyFileSync(caFile, pemFile)
  writeFileSync(pemFile, readFileSync(keyFile), { flag: 'a' })
  return { caFile, pemFile }
}
