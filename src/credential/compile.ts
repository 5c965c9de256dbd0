import type { CompileProblem } from '#core/problem.ts'
import { Secret } from '#core/secret.ts'
import { asObject, asText, parseJson, type JsonObject } from '#kit/json-value.ts'
import type { Link } from '#ports/transport.ts'
import { originOf } from './bound-credential.ts'
import { fileAs, isKey, isPath, type Outside } from './outside.ts'
import type { CredentialSettings, CredentialType } from './schema.ts'
import { readSecretsFile } from './secrets-file.ts'
import type {
  CompiledCredentials,
  CredentialSpec,
  GoogleMaterial,
  JwtMaterial,
  Material,
  OauthMaterial,
} from './spec.ts'

/** What credentials are told about their backend. */
export interface CredentialContext {
  readonly backend: string
  readonly url: URL
  /** Place of the list in the file. */
  readonly path: CompileProblem['path']
  readonly outside: Outside
  /** How a token server is connected to. */
  readonly linkTo: (url: URL) => Link
}

export interface CredentialCompilation {
  /** Undefined when there are none, or something is wrong with them. */
  readonly set: CompiledCredentials | undefined
  readonly problems: readonly CompileProblem[]
}

/** `backends[].credentials` → what is needed to use them. Pure; everything wrong is told at once, and no value with it. */
export function compileCredentials(
  settings: readonly CredentialSettings[],
  context: CredentialContext,
): CredentialCompilation {
  const problems: CompileProblem[] = []
  const specs = settings.flatMap((one, index) => new Compiler(one, index, context, problems).specs())
  warnOfNames(specs, context, problems)
  if (specs.length === 0 || problems.some(({ severity }) => severity === 'error')) return { set: undefined, problems }
  const secrets = new Map(specs.flatMap(({ material }) => secretsOf(material)).map((one) => [one.reveal(), one]))
  const names = specs.map(({ name }) => name)
  return { set: { backend: context.backend, names, secrets: [...secrets.values()], specs }, problems }
}

/** Keys that mean something to each type, beside those that mean something to all. */
const keysOfType: Readonly<Record<CredentialType, readonly (keyof CredentialSettings)[]>> = {
  api_key: ['api_key'],
  file: ['file'],
  env: ['env'],
  jwt: ['secrets_file', 'client_id', 'client_secret', 'tenant', 'issuer', 'audience', 'extra_claims', 'ttl'],
  oauth2: ['token_url', 'client_id', 'client_secret', 'scope', 'audience'],
  google: ['service_account', 'scope'],
  aws: ['access_key_id', 'secret_access_key', 'session_token', 'region'],
  azure_ad: ['tenant', 'client_id', 'client_secret', 'scope'],
}

/** Keys whose presence says which type is meant. */
const telling: readonly (readonly [keyof CredentialSettings, CredentialType])[] = [
  ['api_key', 'api_key'],
  ['file', 'file'],
  ['env', 'env'],
  ['secrets_file', 'jwt'],
  ['token_url', 'oauth2'],
  ['service_account', 'google'],
  ['access_key_id', 'aws'],
]

/** Compiles one entry of the list, which may be several credentials. */
class Compiler {
  readonly #settings: CredentialSettings
  readonly #index: number
  readonly #context: CredentialContext
  readonly #problems: CompileProblem[]

  constructor(settings: CredentialSettings, index: number, context: CredentialContext, problems: CompileProblem[]) {
    this.#settings = settings
    this.#index = index
    this.#context = context
    this.#problems = problems
  }

  specs(): readonly CredentialSpec[] {
    const type = this.#settings.type ?? telling.find(([key]) => isGiven(this.#settings[key]))?.[1]
    if (type === undefined) {
      this.#error(undefined, 'its kind is not known: give it an "api_key", or say its "type"')
      return []
    }
    this.#findStrangers(type)
    const { secrets_file: file, name = `key-${this.#index + 1}` } = this.#settings
    if (type === 'jwt' && file !== undefined) return this.#fromSecretsFile(file)
    const material = this.#materialOf(type)
    return material === undefined ? [] : [this.#specOf(name, material)]
  }

  #materialOf(type: CredentialType): Material | undefined {
    switch (type) {
      case 'api_key':
        return this.#ofKey()
      case 'file':
        return this.#ofFile()
      case 'env':
        return this.#ofVariable()
      case 'jwt':
        return this.#ofClient()
      case 'oauth2':
        return this.#ofOauth()
      case 'google':
        return this.#ofGoogle()
      case 'aws':
        return this.#ofAws()
      case 'azure_ad':
        return this.#ofAzure()
    }
  }

  #ofKey(): Material | undefined {
    const key = this.#need('api_key')
    return key === undefined ? undefined : { kind: 'key', key: new Secret(key) }
  }

  #ofFile(): Material | undefined {
    const written = this.#need('file')
    const text = written === undefined ? undefined : this.#contentOf('file', written)
    if (written === undefined || text === undefined) return undefined
    const key = text.trim()
    if (!isKey(key)) {
      const found = key === '' ? 'is empty' : 'holds more than one key of plain ASCII'
      return this.#error('file', `${fileAs(written)} ${found}`)
    }
    const path = this.#context.outside.files.get(written)?.path ?? written
    return { kind: 'file', path, key: new Secret(key) }
  }

  #ofVariable(): Material | undefined {
    const name = this.#need('env')
    if (name === undefined) return undefined
    const key = this.#context.outside.env[name]?.trim() ?? ''
    if (key === '') return this.#error('env', `environment variable "${name}" is not set`)
    if (!isKey(key)) return this.#error('env', `environment variable "${name}" holds no key of plain ASCII`)
    return { kind: 'key', key: new Secret(key) }
  }

  #ofClient(): JwtMaterial | undefined {
    const clientId = this.#need('client_id')
    const clientSecret = this.#need('client_secret')
    const { claims, tenant } = this.#settings
    const strangers = claims.filter((claim) => !['clientId', 'clientSecret', 'tenant'].includes(claim))
    if (strangers.length > 0) {
      return this.#error(
        'claims',
        `"${strangers.join('", "')}" can come from a "secrets_file" only, or use "extra_claims"`,
      )
    }
    if (claims.includes('tenant') && tenant === undefined) this.#need('tenant')
    if (clientId === undefined || clientSecret === undefined) return undefined
    const fields = new Map([
      ['clientId', clientId],
      ['clientSecret', clientSecret],
      ['tenant', tenant ?? ''],
    ])
    return this.#jwtOf(fields)
  }

  #fromSecretsFile(written: string): readonly CredentialSpec[] {
    for (const key of ['client_id', 'client_secret', 'tenant'] as const) {
      if (this.#settings[key] !== undefined)
        this.#error(key, 'stands in the entries of "secrets_file", write it there only')
    }
    const text = this.#contentOf('secrets_file', written)
    if (text === undefined) return []
    const read = readSecretsFile(text, this.#settings.claims, this.#settings.name ?? 'config')
    for (const doubt of read.doubts) this.#tell('warning', 'secrets_file', `${fileAs(written)}, ${doubt}`)
    if ('faults' in read) {
      for (const fault of read.faults) {
        const told = fault.startsWith('index ') ? `${fileAs(written)}, ${fault}` : `${fileAs(written)} is ${fault}`
        this.#error('secrets_file', told)
      }
      return []
    }
    return read.entries.map(({ name, fields }) => this.#specOf(name, this.#jwtOf(fields)))
  }

  #jwtOf(fields: ReadonlyMap<string, string>): JwtMaterial {
    const {
      claims,
      extra_claims: extra,
      issuer,
      audience,
      ttl,
      cache_ttl: cacheMs,
      refresh_margin: marginMs,
    } = this.#settings
    const payload = {
      ...Object.fromEntries(claims.map((claim) => [claim, fields.get(claim) ?? ''])),
      ...(issuer !== undefined && { iss: issuer }),
      ...(audience !== undefined && { aud: audience }),
      ...extra,
    }
    const secret = new Secret(fields.get('clientSecret') ?? '')
    return { kind: 'jwt', secret, payload: new Secret(JSON.stringify(payload)), ttlMs: ttl, cacheMs, marginMs }
  }

  #ofOauth(): Material | undefined {
    const url = this.#need('token_url')
    const clientId = this.#need('client_id')
    const clientSecret = this.#need('client_secret')
    if (url === undefined || clientId === undefined || clientSecret === undefined) return undefined
    const { scope = '', audience = '', auth_style: style } = this.#settings
    return { ...this.#client(url, 'token_url', clientId, clientSecret), style, scope, audience }
  }

  #ofAzure(): Material | undefined {
    const tenant = this.#need('tenant')
    const clientId = this.#need('client_id')
    const clientSecret = this.#need('client_secret')
    if (tenant === undefined || clientId === undefined || clientSecret === undefined) return undefined
    if (!/^[A-Za-z0-9.-]{1,253}$/.test(tenant)) {
      return this.#error('tenant', 'expected the id of a tenant, or its domain')
    }
    const { authority, scope = 'https://cognitiveservices.azure.com/.default' } = this.#settings
    const url = `${authority.replace(/\/+$/, '')}/${tenant}/oauth2/v2.0/token`
    return { ...this.#client(url, 'authority', clientId, clientSecret), style: 'body', scope, audience: '' }
  }

  #client(written: string, key: 'token_url' | 'authority' | 'service_account', clientId: string, clientSecret: string) {
    const tokenUrl = new URL(written)
    this.#warnIfOpen(tokenUrl, key)
    const { refresh_margin: marginMs } = this.#settings
    const link = this.#context.linkTo(tokenUrl)
    return { kind: 'oauth2', tokenUrl, link, clientId, clientSecret: new Secret(clientSecret), marginMs } as const
  }

  #ofGoogle(): GoogleMaterial | OauthMaterial | undefined {
    const written = this.#need('service_account')
    if (written === undefined) return undefined
    const text = isPath(written) ? this.#contentOf('service_account', written) : written
    if (text === undefined) return undefined
    const account = asObject(parseJson(text))
    if (account === undefined) return this.#error('service_account', 'the service account is no JSON object')
    if (account['type'] === 'authorized_user') return this.#ofGoogleUser(account)
    if (account['type'] !== 'service_account') {
      const known = '"service_account" or "authorized_user", the kinds that are known'
      return this.#error('service_account', `"type" of the file is not ${known}`)
    }
    const email = asText(account['client_email']) ?? ''
    const pem = asText(account['private_key']) ?? ''
    const tokenUri = asText(account['token_uri']) ?? 'https://oauth2.googleapis.com/token'
    const hasKey = isPrivateKey(pem)
    const hasAddress = isWebAddress(tokenUri)
    if (email === '') this.#error('service_account', 'the service account has no "client_email"')
    if (!hasKey) this.#error('service_account', '"private_key" of the service account is no private RSA key')
    if (!hasAddress) this.#error('service_account', '"token_uri" of the service account is no address')
    if (email === '' || !hasKey || !hasAddress) return undefined
    const tokenUrl = new URL(tokenUri)
    this.#warnIfOpen(tokenUrl, 'service_account')
    const { scope = 'https://www.googleapis.com/auth/cloud-platform', refresh_margin: marginMs } = this.#settings
    const link = this.#context.linkTo(tokenUrl)
    const keyId = asText(account['private_key_id'])
    return { kind: 'google', tokenUrl, link, email, keyId, privateKey: new Secret(pem), scope, marginMs }
  }

  /** What `gcloud auth application-default login` leaves behind. */
  #ofGoogleUser(account: JsonObject): OauthMaterial | undefined {
    const clientId = asText(account['client_id']) ?? ''
    const clientSecret = asText(account['client_secret']) ?? ''
    const refreshToken = asText(account['refresh_token']) ?? ''
    if (clientId === '' || clientSecret === '' || refreshToken === '') {
      return this.#error('service_account', 'the user has no "client_id", "client_secret" or "refresh_token"')
    }
    const client = this.#client('https://oauth2.googleapis.com/token', 'service_account', clientId, clientSecret)
    return { ...client, refreshToken: new Secret(refreshToken), style: 'body', scope: '', audience: '' }
  }

  #ofAws(): Material | undefined {
    const accessKeyId = this.#need('access_key_id')
    const secret = this.#need('secret_access_key')
    const { session_token: token, service } = this.#settings
    const region = this.#settings.region ?? regionIn(this.#context.url.hostname)
    if (region === undefined) return this.#error('region', `is missing, and "${this.#context.url.host}" names none`)
    if (accessKeyId === undefined || secret === undefined) return undefined
    const sessionToken = token === undefined || token === '' ? undefined : new Secret(token)
    return { kind: 'aws', accessKeyId, secretAccessKey: new Secret(secret), sessionToken, region, service }
  }

  #specOf(name: string, material: Material): CredentialSpec {
    const { backend, url } = this.#context
    const origin = originOf(url)
    const id = JSON.stringify([backend, name, digestOf(material, origin)])
    const hidden = secretsOf(material).filter((secret) => secret.reveal().length >= hiddenLengthMin)
    return { id, backend, name, weight: this.#settings.weight, origin, material, hidden }
  }

  /** What the entry says beside its type does nothing, and may be meant for another one. */
  #findStrangers(type: CredentialType): void {
    const known = keysOfType[type]
    const strangers = new Set(
      Object.values(keysOfType)
        .flat()
        .filter((key) => !known.includes(key)),
    )
    for (const key of strangers) {
      if (isGiven(this.#settings[key])) this.#error(key, `means nothing to a credential of type "${type}"`)
    }
  }

  #need(key: TextKey): string | undefined {
    const value = this.#settings[key]
    if (value !== undefined && value.trim() !== '') return value
    return this.#error(key, value === undefined ? 'is missing' : 'is blank')
  }

  #contentOf(key: 'file' | 'secrets_file' | 'service_account', written: string): string | undefined {
    const file = this.#context.outside.files.get(written)
    if (file === undefined) return this.#error(key, `${fileAs(written)} was not read`)
    const told = fileAs(written, file.path)
    if ('reason' in file.found) return this.#error(key, `${told} cannot be read: ${file.found.reason}`)
    if (file.isShared) this.#tell('warning', key, `others can read ${told}: set its mode to 600`)
    return file.found.text
  }

  #warnIfOpen({ protocol, hostname }: URL, key: keyof CredentialSettings): void {
    if (protocol === 'https:' || /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)) return
    this.#tell('warning', key, `the secret goes to "${hostname}" unencrypted: write "https://"`)
  }

  #error(key: keyof CredentialSettings | undefined, message: string): undefined {
    this.#tell('error', key, message)
  }

  #tell(severity: CompileProblem['severity'], key: keyof CredentialSettings | undefined, message: string): void {
    const path = [...this.#context.path, this.#index, ...(key === undefined ? [] : [key])]
    this.#problems.push({ severity, path, message })
  }
}

/** Keys that hold a text, if anything. */
type TextKey =
  | 'api_key'
  | 'file'
  | 'env'
  | 'client_id'
  | 'client_secret'
  | 'tenant'
  | 'token_url'
  | 'service_account'
  | 'access_key_id'
  | 'secret_access_key'

/** Defaults that say nothing are not given. */
function isGiven(value: CredentialSettings[keyof CredentialSettings]): boolean {
  if (value === undefined || value === 0) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** Shorter values would be found in any answer. */
const hiddenLengthMin = 8

function secretsOf(material: Material): readonly Secret[] {
  switch (material.kind) {
    case 'key':
    case 'file':
      return [material.key]
    case 'jwt':
      return [material.secret]
    case 'oauth2':
      return [material.clientSecret, ...(material.refreshToken === undefined ? [] : [material.refreshToken])]
    case 'google':
      return [material.privateKey]
    case 'aws':
      return [material.secretAccessKey, ...(material.sessionToken === undefined ? [] : [material.sessionToken])]
  }
}

/** Of all that a credential is made of. A file may change its content and is the same credential. */
function digestOf(material: Material, origin: string): string {
  const made = material.kind === 'file' ? { kind: material.kind, path: material.path } : material
  const text = JSON.stringify([origin, made], revealing)
  return new Bun.CryptoHasher('sha256').update(text).digest('base64url')
}

function revealing(this: unknown, key: string, value: unknown): unknown {
  // A secret has become asterisks before this is asked; it is still in what holds it.
  const held: unknown = asObject(this)?.[key]
  return held instanceof Secret ? held.reveal() : value
}

function isPrivateKey(pem: string): boolean {
  if (!pem.startsWith('-----BEGIN PRIVATE KEY-----')) return false
  try {
    // Loaded here, since few have such a key, and a start has no time for it.
    return process.getBuiltinModule('node:crypto').createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol)
}

/** `bedrock-runtime.eu-west-1.amazonaws.com` */
function regionIn(host: string): string | undefined {
  return /(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/.exec(host)?.[1]
}

/** Two credentials of one name cannot be told apart in the log; one that is merely repeated has more weight. */
function warnOfNames(specs: readonly CredentialSpec[], { path }: CredentialContext, problems: CompileProblem[]): void {
  const idByName = new Map<string, string>()
  const told = new Set<string>()
  for (const { name, id } of specs) {
    const known = idByName.get(name)
    if (known === undefined) idByName.set(name, id)
    if (known === undefined || known === id || told.has(name)) continue
    told.add(name)
    const message = `"${name}" is the name of two different credentials, which the log cannot tell apart`
    problems.push({ severity: 'warning', path, message })
  }
}
