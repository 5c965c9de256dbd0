import { loadSnapshot, readSource, sourceName, type LoadContext, type LoadedSnapshot, type Source } from '#boot/load.ts'
import { loadConfig } from '#config/load.ts'
import type { Config } from '#config/schema.ts'
import type { Backend } from '#core/candidate.ts'
import type { Credential, CredentialBook, CredentialRing } from '#core/credential.ts'
import type { Protocol } from '#core/dialect.ts'
import { Secret } from '#core/secret.ts'
import { systemSecretFiles } from '#ports/secret-files.ts'
import { collectSecrets } from '#snapshot/backends.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { maskedTree } from './masked-tree.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What is examined: a configuration, read as a start would read it, and what must not be shown of it. */
export interface Subject {
  /** The name of the file, or `environment`. */
  readonly name: string
  readonly isFile: boolean
  readonly env: Env
  readonly loaded: LoadedSnapshot
  /** As far as it could be understood, errors or not. */
  readonly draft: Config | undefined
  /** What the file says, keys in place of their older names, without what nobody may see; undefined when it is no YAML. */
  readonly shownTree: unknown
  /** Keys stand in the file itself. */
  readonly holdsSecrets: boolean
  /** Everything that must not be seen in any output. */
  readonly secrets: readonly Secret[]
}

/** A usable backend, and what routes want of it: protocol → name of a model → aliases. */
export interface BackendUse {
  readonly backend: Backend
  readonly models: ReadonlyMap<Protocol, ReadonlyMap<string, readonly string[]>>
  /** At its second address, where its models speak the API of Anthropic. */
  readonly anthropic?: Backend | undefined
  /** Each once; none where it has one key, or no key. */
  readonly credentials?: readonly Credential[]
}

/** Rejects when the file cannot be read (a Node error with `code`). */
export async function readSubject(source: Source, env: Env, listen: LoadContext['listen']): Promise<Subject> {
  const loaded = await loadSnapshot(source, { env, version: 1, listen })
  const isFile = source.kind === 'file'
  const name = sourceName(source)
  const read = await readSource(source, env)
  const { draft, secrets: contents } = await loadConfig({ ...read, env, files: systemSecretFiles })
  const { tree, hidden } = maskedTree(name, read.text)
  const values = new Set([...contents.map((secret) => secret.reveal()), ...hidden, ...credentialsIn(env)])
  const ofConfig = draft === undefined ? [] : collectSecrets(draft, [])
  for (const secret of [...ofConfig, ...(loaded.snapshot?.secrets ?? [])]) values.add(secret.reveal())
  return {
    name,
    isFile,
    env,
    loaded,
    draft,
    shownTree: tree,
    holdsSecrets: hidden.length > 0,
    secrets: Array.from(values, (value) => new Secret(value)),
  }
}

/** Every usable backend in the order of the file. */
export function backendUses(
  snapshot: Snapshot,
  draft: Config | undefined,
  book: CredentialBook,
): readonly BackendUse[] {
  const wanted = new Map<string, Map<Protocol, Map<string, string[]>>>()
  const seconds = new Map<string, Backend>()
  for (const { tiers } of snapshot.plans.values()) {
    for (const { alias, candidates } of tiers) {
      for (const { backend, protocol, model } of candidates) {
        if (backend.url.href !== (snapshot.backends.get(backend.name) ?? backend).url.href) {
          seconds.set(backend.name, backend)
          continue
        }
        const ofBackend = wanted.getOrInsertComputed(backend.name, () => new Map())
        const aliases = ofBackend.getOrInsertComputed(protocol, () => new Map()).getOrInsertComputed(model, () => [])
        if (!aliases.includes(alias)) aliases.push(alias)
      }
    }
  }
  return Array.from(snapshot.backends.values(), (backend) => {
    const own = draft?.backends.find(({ name }) => name === backend.name)?.protocol ?? 'openai'
    const ring = backend.credentials && book.ringOf(backend.credentials)
    const credentials = ring === undefined ? [] : eachOf(ring)
    const anthropic = seconds.get(backend.name)
    return {
      backend,
      anthropic,
      credentials,
      models: wanted.get(backend.name) ?? new Map([[own, new Map<string, string[]>()]]),
    }
  })
}

/** Those of a ring, each once, in the order of their first turns. */
export function eachOf(ring: CredentialRing): readonly Credential[] {
  const found = new Set<Credential>()
  for (;;) {
    const turn = ring.next(0, found)
    if (turn.kind === 'rest') return [...found]
    found.add(turn.credential)
  }
}

/** Variables that hold credentials by their names, whether the configuration speaks of them or not. */
function credentialsIn(env: Env): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    return value !== undefined && value.length >= credentialLengthMin && credentialName.test(name) ? [value] : []
  })
}

const credentialName = /(?:^|_)(?:api_?key|key|token|secret|passw(?:or)?d|credentials?)(?:_|$)/i

/** A shorter value would be found in any text. */
const credentialLengthMin = 8
