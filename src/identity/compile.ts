import { anonymous, type Access, type Caller, type CallerLimits } from '#core/caller.ts'
import { permissions as everyPermission } from '#core/permission.ts'
import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import { AddressList } from '#kit/address-list.ts'
import { compileGlob } from '#kit/glob.ts'
import type { Link } from '#ports/transport.ts'
import type { AccessSettings, AuthSettings, ClientKeySettings, ProviderSettings } from './auth-schema.ts'
import { compileProvider } from './compile-provider.ts'
import { digestOf, KeyRing, type ClientKey } from './key-ring.ts'
import { readMoment } from './moment.ts'
import type { TokenProvider } from './token-provider.ts'

export interface IdentityContext {
  /** `proxy_api_key`; empty: none. */
  readonly commonKey: string
  /** Stands for secrets that cannot be found here: of two of them nothing can be said. */
  readonly standIn: string
  readonly linkTo: (url: URL) => Link
}

/** A key or a provider of the file, as the account of a reload knows it. */
export interface NamedIdentity {
  readonly name: string
  /** Changes with all that it is made of; shows nothing of it. */
  readonly digest: string
}

export interface CompiledIdentity {
  readonly ring: KeyRing
  readonly problems: readonly CompileProblem[]
  readonly named: readonly NamedIdentity[]
}

/** The clients that the configuration knows, by key and by token. */
export function compileIdentity({
  auth,
  ...context
}: IdentityContext & { readonly auth: AuthSettings }): CompiledIdentity {
  const compiler = new Compiler(context)
  if (context.commonKey !== '') compiler.addCommonKey(context.commonKey)
  const providers = auth.enabled ? auth.providers : []
  for (const [index, provider] of providers.entries()) compiler.addProvider(provider, ['auth', 'providers', index])
  if (auth.mfa.enabled) compiler.warn(['auth', 'mfa', 'enabled'], 'does nothing yet: people cannot log in here')
  return {
    ring: new KeyRing(compiler.keys, {
      asksAlways: providers.length > 0,
      tokens: compiler.tokens,
      headers: [...compiler.headers],
      hidesForbidden: auth.hide_forbidden_models,
    }),
    problems: compiler.problems,
    named: compiler.named,
  }
}

type Path = CompileProblem['path']

class Compiler {
  readonly problems: CompileProblem[] = []
  readonly keys: ClientKey[] = []
  readonly tokens: TokenProvider[] = []
  readonly headers = new Set<string>()
  readonly named: NamedIdentity[] = []
  readonly #context: IdentityContext
  /** Where a key stands, by its digest. */
  readonly #seen = new Map<string, string>()
  readonly #names = new Set<string>()
  #count = 0

  constructor(context: IdentityContext) {
    this.#context = context
  }

  warn(path: Path, message: string): void {
    this.problems.push({ severity: 'warning', path, message })
  }

  error(path: Path, message: string): void {
    this.problems.push({ severity: 'error', path, message })
  }

  addCommonKey(key: string): void {
    this.#seen.set(digestOf(key).toHex(), 'proxy_api_key')
    this.keys.push({ key: new Secret(key), caller: { id: 'default' } })
  }

  addProvider(settings: ProviderSettings, path: Path): void {
    this.#findStrangers(settings, path)
    switch (settings.type) {
      case 'api_key':
        return this.#addKeys(settings, path)
      case 'jwt': {
        const { provider, problems } = compileProvider(settings, {
          path,
          access: accessOf(settings),
          limits: limitsOf(settings),
          linkTo: this.#context.linkTo,
        })
        this.problems.push(...problems)
        if (provider !== undefined) {
          this.tokens.push(provider)
          this.named.push({ name: `token provider ${provider.name}`, digest: provider.id })
        }
        return
      }
      case 'oauth2':
        this.warn([...path, 'type'], 'does nothing yet: people cannot log in here, only keys and tokens are served')
    }
  }

  #addKeys({ keys, header }: ProviderSettings, path: Path): void {
    if (header !== undefined) this.#addHeader(header)
    if (keys.length === 0) this.warn([...path, 'keys'], 'is empty, so nobody has a key of this provider')
    for (const [index, key] of keys.entries()) this.#addKey(key, [...path, 'keys', index])
  }

  #addHeader(header: string): void {
    const name = header.toLowerCase()
    if (!usual.has(name)) this.headers.add(name)
  }

  #addKey(settings: ClientKeySettings, path: Path): void {
    this.#count += 1
    const { key, key_sha256: written, user_id: user, enabled } = settings
    const name = settings.name ?? `key-${this.#count}`
    if ((key === undefined) === (written === undefined)) {
      this.error(path, key === undefined ? 'it has no key: give it "key" or "key_sha256"' : keyTwice)
      return
    }
    if (this.#names.has(name)) {
      this.error([...path, 'name'], `"${name}" is already the name of another key, and each must have its own`)
      return
    }
    this.#names.add(name)
    const id = user ?? name
    if (id === anonymous.id) {
      this.error([...path, 'user_id'], `"${id}" is the name of those who have no key, take another`)
    }
    const digest = key === undefined ? Uint8Array.fromHex((written ?? '').replace(/^sha256:/, '')) : digestOf(key)
    const place = key === undefined ? 'key_sha256' : 'key'
    const hex = digest.toHex()
    const other = this.#seen.get(hex)
    if (other !== undefined && key !== this.#context.standIn) {
      this.error([...path, place], `it is the same key as that of ${other}, and whose it is must not be a guess`)
      return
    }
    this.#seen.set(hex, `"${name}"`)
    if (key !== undefined && key.length < keyLengthMin) {
      this.warn([...path, 'key'], `is short enough to be guessed: take ${keyLengthMin} characters or more`)
    }
    const fromMs = momentOf(settings.not_before)
    const untilMs = momentOf(settings.expires_at)
    if (fromMs !== undefined && untilMs !== undefined && untilMs <= fromMs) {
      this.error([...path, 'expires_at'], 'it is not after "not_before", so the key would never be good')
    }
    const caller: Caller = { id, access: accessOf(settings), limits: limitsOf(settings) }
    this.keys.push({ key: digest, caller, isOff: !enabled, fromMs, untilMs })
    this.named.push({ name: `client key ${name}`, digest: fingerprint({ ...settings, key: hex }) })
  }

  /** What does nothing for this kind of provider. */
  #findStrangers(settings: ProviderSettings, path: Path): void {
    const { type } = settings
    for (const [key, owners] of Object.entries(ownersByKey)) {
      if (owners.includes(type) || !isGiven(Object.entries(settings).find(([name]) => name === key)?.[1])) continue
      this.warn([...path, key], `does nothing, since it is for "type: ${owners.join('" and "')}"`)
    }
  }
}

const keyTwice = 'it has a "key" and a "key_sha256": take one of the two away'

/** Fewer can be tried out. */
const keyLengthMin = 16

/** Kinds of providers that heed a key. Those that have defaults are not among them: nobody can tell who wrote them. */
const ownersByKey: Readonly<Partial<Record<keyof ProviderSettings, readonly ProviderSettings['type'][]>>> = {
  header: ['api_key'],
  keys: ['api_key'],
  secret: ['jwt'],
  public_key: ['jwt'],
  jwks_url: ['jwt'],
  algorithms: ['jwt'],
  issuer: ['jwt', 'oauth2'],
  audience: ['jwt'],
  permissions_claim: ['jwt'],
  models_claim: ['jwt'],
  permissions: ['jwt'],
  models: ['jwt'],
  allowed_ips: ['jwt'],
  requests_per_minute: ['jwt'],
  tokens_per_minute: ['jwt'],
  max_parallel: ['jwt'],
  provider: ['oauth2'],
  client_id: ['oauth2'],
  client_secret: ['oauth2'],
  scopes: ['oauth2'],
}

function isGiven(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0)
}

const usual: ReadonlySet<string> = new Set(['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'])

function momentOf(written: string | undefined): number | undefined {
  return written === undefined ? undefined : readMoment(written)
}

/** Undefined where everything is allowed. */
export function accessOf({ permissions, models, allowed_ips: addresses }: AccessSettings): Access | undefined {
  if (permissions === undefined && models === undefined && addresses === undefined) return undefined
  const list = addresses === undefined ? undefined : new AddressList(addresses)
  const named = permissions?.includes('*') === true ? undefined : permissions
  return {
    permissions: named && new Set(everyPermission.filter((permission) => named.includes(permission))),
    allowsModel: models && compileModels(models),
    allowsAddress: list && ((address) => list.includes(address)),
  }
}

/** Undefined for a list that has a `*` alone among its entries: every model is like that. */
export function compileModels(patterns: readonly string[]): ((alias: string) => boolean) | undefined {
  if (patterns.includes('*')) return undefined
  const names = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const globs = patterns.filter((pattern) => pattern.includes('*')).map(compileGlob)
  return (alias) => names.has(alias) || globs.some((isLike) => isLike(alias))
}

function limitsOf({
  requests_per_minute: requestsPerMinute,
  tokens_per_minute: tokensPerMinute,
  max_parallel: concurrent,
}: AccessSettings): CallerLimits | undefined {
  if (requestsPerMinute === undefined && tokensPerMinute === undefined && concurrent === undefined) return undefined
  return { requestsPerMinute, tokensPerMinute, concurrent }
}

function fingerprint(settings: object): string {
  return digestOf(JSON.stringify(settings)).toHex()
}
