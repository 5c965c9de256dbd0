import * as v from 'valibot'
import type { Credential, CredentialFailure, Proof, Signable } from '#core/credential.ts'
import { compileCredentials, type CredentialCompilation } from '#credential/compile.ts'
import { Credentials } from '#credential/credentials.ts'
import { gatherOutside } from '#credential/outside.ts'
import { CredentialsSchema } from '#credential/schema.ts'
import type { CompiledCredentials } from '#credential/spec.ts'
import { Stop } from '#kit/stop.ts'
import type { IncomingResponse, OutgoingRequest, TransportFailure } from '#ports/transport.ts'
import { fakeSecretFiles, type FakeFile } from './config.ts'
import { FakeClock } from './fake-clock.ts'
import { linkWith } from './outgoing.ts'
import { sentBy, wholeResponse } from './upstream.ts'

/** What stands around credentials in a test. */
export interface CredentialSurroundings {
  readonly backend?: string
  readonly url?: string
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, FakeFile>>
}

/** Reads, gathers and compiles a list of credentials as a start does; paths are those of the fake files. */
export async function compileList(
  written: readonly Record<string, unknown>[],
  { backend = 'b', url = 'https://api.test/v1', env = {}, files = {} }: CredentialSurroundings = {},
): Promise<CredentialCompilation> {
  const settings = v.parse(CredentialsSchema, written)
  const outside = await gatherOutside(settings, { env, files: fakeSecretFiles(files), directory: '/etc/proxy' })
  const path = ['backends', 0, 'credentials']
  return compileCredentials(settings, { backend, url: new URL(url), path, outside, linkTo: () => linkWith() })
}

/** The compiled list; throws what is wrong with it. */
export async function setOf(
  written: readonly Record<string, unknown>[],
  surroundings: CredentialSurroundings = {},
): Promise<CompiledCredentials> {
  const { set, problems } = await compileList(written, surroundings)
  if (set === undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
  return set
}

/** Credentials with fake time, a token server by script, and files that can be changed. */
export interface CredentialBench {
  readonly book: Credentials
  readonly clock: FakeClock
  /** Every request that reached a token server. */
  readonly asked: OutgoingRequest[]
  /** Forms of those requests. */
  readonly forms: () => Record<string, string>[]
  readonly lines: { readonly level: string; readonly event: string; readonly fields: Record<string, unknown> }[]
  /** How often a file was read. */
  readonly reads: () => number
}

export type TokenServer = (
  request: OutgoingRequest,
  count: number,
) => IncomingResponse | TransportFailure | Promise<IncomingResponse | TransportFailure>

export function credentialBench(
  server: TokenServer = () => tokenAnswer('token'),
  files: Record<string, FakeFile> = {},
): CredentialBench {
  const clock = new FakeClock()
  const asked: OutgoingRequest[] = []
  const lines: CredentialBench['lines'] = []
  let reads = 0
  const book = new Credentials({
    clock,
    transport: {
      async send(request) {
        asked.push(request)
        return await server(request, asked.length)
      },
    },
    files: {
      async read(path) {
        reads += 1
        return await fakeSecretFiles(files).read(path)
      },
    },
    log: { write: (level, event, fields) => void lines.push({ level, event, fields }) },
  })
  const forms = (): Record<string, string>[] =>
    asked.map((request) => Object.fromEntries(new URLSearchParams(sentBy(request).toString())))
  return { book, clock, asked, forms, lines, reads: () => reads }
}

/** What a token server says when all is well. */
export function tokenAnswer(token: string, expiresIn: unknown = 3600): IncomingResponse {
  const answer = { access_token: token, token_type: 'Bearer', expires_in: expiresIn }
  return wholeResponse(200, { 'content-type': 'application/json' }, JSON.stringify(answer))
}

/** A request that wants to be proved. */
export function signable(overrides: Partial<Signable> = {}): Signable {
  return {
    method: 'POST',
    url: new URL('https://api.test/v1/chat/completions'),
    headers: [['content-type', 'application/json']],
    body: [Buffer.from('{"a":1}')],
    keyHeader: 'authorization',
    stop: new Stop(),
    ...overrides,
  }
}

/** The one credential of a set that was adopted by `book`. */
export function onlyOf(book: Credentials, set: CompiledCredentials): Credential {
  const turn = book.ringOf(set)?.next(0)
  if (turn?.kind !== 'turn') throw new Error('Cannot go on: no credential is free')
  return turn.credential
}

/** The proof of a request; throws what a failure says. */
export async function proofOf(credential: Credential, request: Signable = signable()): Promise<Proof> {
  const proof = await credential.headers(request)
  if (proof.kind !== 'proof') throw new Error(proof.message)
  return proof
}

/** Why there is no proof; throws when there is one. */
export async function failureOf(credential: Credential, request: Signable = signable()): Promise<CredentialFailure> {
  const failure = await credential.headers(request)
  if (failure.kind === 'proof') throw new Error('Cannot go on: there is a proof')
  return failure
}

/** The value of a header that proves. */
export function valueIn({ headers }: Proof, name = 'authorization'): string | undefined {
  return headers.find(([own]) => own === name)?.[1]
}
