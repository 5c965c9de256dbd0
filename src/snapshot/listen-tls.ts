import type * as Crypto from 'node:crypto'
import type { ListenTlsSettings } from '#config/listen-tls-schema.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import { findTlsFaults } from './certificates.ts'

/** How clients are spoken to on ports: encrypted, with these certificates. */
export interface ListenTls {
  /** The first is shown to whoever asks for no other. */
  readonly certificates: readonly [ServedCertificate, ...ServedCertificate[]]
  /** Authorities of clients, in PEM; undefined: clients are not asked for a certificate. */
  readonly clientCa: string | undefined
  readonly minVersion: '1.2' | '1.3'
  /** Another one means that a new listener is needed. */
  readonly digest: string
}

export interface ServedCertificate {
  /** In PEM, with its chain. */
  readonly cert: string
  readonly key: Secret
  /** Host names in it, `*.example.com` among them. */
  readonly names: readonly string[]
  /** Wall time of its end. */
  readonly untilMs: number
}

type Path = CompileProblem['path']

/** From so long before its end on, a certificate is warned about. */
export const expiryWarningMs = 30 * 86_400_000

/** The `tls` section, compiled; undefined: clients are spoken to without encryption. `hasPort`: some listener is no unix socket. */
export function compileListenTls(
  settings: ListenTlsSettings | undefined,
  { hasPort, nowWallMs }: { readonly hasPort: boolean; readonly nowWallMs: number | undefined },
  problems: CompileProblem[],
): ListenTls | undefined {
  if (settings?.enabled !== true) return undefined
  const tell = (severity: CompileProblem['severity'], path: Path, message: string): void => {
    problems.push({ severity, path: ['tls', ...path], message })
  }
  if (!hasPort) {
    tell('warning', [], 'does nothing on a unix socket, which needs no encryption: listen on a port, or remove it')
    return undefined
  }
  const { cert, key, certificates, client_ca: clientCa } = settings
  if (cert === '' && key === '') {
    if (certificates.length > 0) tell('error', ['certificates'], 'needs "tls.cert" and "tls.key" for all other clients')
    else tell('note', [], 'does nothing without "cert" and "key"')
    return undefined
  }
  const before = problems.length
  const served: ServedCertificate[] = []
  for (const [index, pair] of [{ cert, key }, ...certificates].entries()) {
    const one = compileCertificate(pair, index === 0 ? [] : ['certificates', index - 1], nowWallMs, tell)
    if (one !== undefined) served.push(one)
  }
  if (clientCa !== '') {
    for (const { message } of findTlsFaults({ ca: clientCa })) tell('error', ['client_ca'], message)
  }
  const [first, ...others] = served
  if (first === undefined || problems.slice(before).some(({ severity }) => severity === 'error')) return undefined
  warnOfTwins(served, tell)
  const asksClients = clientCa !== '' && settings.client_auth === 'require'
  if (clientCa !== '' && !asksClients) tell('note', ['client_ca'], 'does nothing while "client_auth" is "off"')
  const { min_version: minVersion } = settings
  return {
    certificates: [first, ...others],
    clientCa: asksClients ? clientCa : undefined,
    minVersion,
    digest: digestOf([
      minVersion,
      asksClients ? clientCa : '',
      ...served.flatMap((one) => [one.cert, one.key.reveal()]),
    ]),
  }
}

/** What of it nobody may see. */
export function keysOfTls(tls: ListenTls | undefined): readonly string[] {
  return tls?.certificates.map(({ key }) => key.reveal()) ?? []
}

type Tell = (severity: CompileProblem['severity'], path: Path, message: string) => void

function compileCertificate(
  { cert, key }: Readonly<Record<'cert' | 'key', string>>,
  path: Path,
  nowWallMs: number | undefined,
  tell: Tell,
): ServedCertificate | undefined {
  const texts = { ...(cert === '' ? {} : { cert }), ...(key === '' ? {} : { key }) }
  const faults = findTlsFaults(texts, 'the one of this server')
  for (const fault of faults) tell('error', [...path, fault.key], fault.message)
  if (faults.length > 0 || cert === '') return undefined
  const leaf = new (nodeCrypto().X509Certificate)(cert)
  const fromMs = Date.parse(leaf.validFrom)
  const untilMs = Date.parse(leaf.validTo)
  if (nowWallMs !== undefined) tellTime({ fromMs, untilMs, nowWallMs }, [...path, 'cert'], tell)
  const names = namesOf(leaf)
  if (names.length === 0 && path.length > 0) {
    tell('error', [...path, 'cert'], 'the certificate holds no host name (DNS) by which clients could ask for it')
  }
  return { cert, key: new Secret(key), names, untilMs }
}

interface Lifetime {
  readonly fromMs: number
  readonly untilMs: number
  readonly nowWallMs: number
}

function tellTime({ fromMs, untilMs, nowWallMs }: Lifetime, path: Path, tell: Tell): void {
  const leftMs = untilMs - nowWallMs
  if (leftMs <= 0) tell('error', path, `the certificate expired on ${dayOf(untilMs)}, put a new one there`)
  else if (leftMs <= expiryWarningMs) {
    tell('warning', path, `the certificate expires on ${dayOf(untilMs)}, renew it`)
  }
  if (fromMs > nowWallMs) {
    tell('warning', path, `the certificate holds from ${dayOf(fromMs)} on: is the clock of this machine right?`)
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** Whoever asks for an address, and not for a name, is shown the first certificate. */
function namesOf({ subjectAltName = '' }: Crypto.X509Certificate): readonly string[] {
  return Array.from(subjectAltName.matchAll(/(?:^|, )DNS:([^,"\s]+)/g), ([, name = '']) => name.toLowerCase())
}

function warnOfTwins(served: readonly ServedCertificate[], tell: Tell): void {
  const seen = new Set(served[0]?.names)
  for (const [index, { names }] of served.slice(1).entries()) {
    const twin = names.find((name) => seen.has(name))
    if (twin !== undefined) {
      tell(
        'warning',
        ['certificates', index],
        `"${twin}" is in a certificate above already, which is the one that is shown`,
      )
    }
    for (const name of names) seen.add(name)
  }
}

function digestOf(texts: readonly string[]): string {
  const hash = new Bun.CryptoHasher('sha256')
  for (const text of texts) hash.update(`${text}\0`)
  return hash.digest('hex')
}

/** Loading takes time that a start without TLS does not have. */
function nodeCrypto(): typeof Crypto {
  return process.getBuiltinModule('node:crypto')
}
