import { anonymous, type Access, type Caller } from '#core/caller.ts'
import { permissions as everyPermission } from '#core/permission.ts'
import { asList, asObject, asText, type JsonObject } from '#kit/json-value.ts'
import { compileModels } from './compile.ts'
import type { TokenProvider } from './token-provider.ts'

/** Who a checked token says that its bearer is; a text says why nobody. */
export function readClaims(claims: JsonObject, provider: TokenProvider): Caller | string {
  const user = userOf(claimAt(claims, provider.userClaim))
  if (user === undefined) return `its claim "${provider.userClaim}" names no user`
  const id = `${provider.userPrefix}${user}`
  if (reserved.has(id)) return `"${id}" is the name of other callers`
  return { id, access: accessOf(claims, provider), limits: provider.limits }
}

/** Those who have no key, or the common one, are not of any issuer. */
const reserved: ReadonlySet<string> = new Set([anonymous.id, 'default'])

function userOf(claim: unknown): string | undefined {
  const user = typeof claim === 'number' && Number.isSafeInteger(claim) ? String(claim) : asText(claim)
  return user !== undefined && user.length <= userLengthMax && userForm.test(user) ? user : undefined
}

/** Limit: characters of a user's name. */
const userLengthMax = 200

/** Names stand in log lines. */
const userForm = /^[^\p{Cc}\p{Cs}]+$/u

/**
 * What its claims allow, within what every token of the provider may. A claim that the provider asks for and the token
 * lacks allows nothing, unless the provider says itself what is allowed.
 */
function accessOf(
  claims: JsonObject,
  { permissionsClaim, modelsClaim, access: most }: TokenProvider,
): Access | undefined {
  if (permissionsClaim === undefined && modelsClaim === undefined) return most
  const kinds = permissionsClaim === undefined ? undefined : wordsAt(claims, permissionsClaim)
  const models = modelsClaim === undefined ? undefined : wordsAt(claims, modelsClaim)
  return {
    permissions: permissionsClaim === undefined ? most?.permissions : permissionsIn(kinds, most?.permissions),
    allowsModel: modelsClaim === undefined ? most?.allowsModel : modelsIn(models, most?.allowsModel),
    allowsAddress: most?.allowsAddress,
  }
}

function permissionsIn(words: readonly string[] | undefined, most: Access['permissions']): Access['permissions'] {
  if (words === undefined) return most ?? new Set()
  if (words.includes('*')) return most
  return new Set(everyPermission.filter((kind) => words.includes(kind) && most?.has(kind) !== false))
}

function modelsIn(words: readonly string[] | undefined, most: Access['allowsModel']): Access['allowsModel'] {
  if (words === undefined) return most ?? ((): boolean => false)
  const allows = compileModels(words)
  if (allows === undefined || most === undefined) return allows ?? most
  return (alias) => allows(alias) && most(alias)
}

/** A list of texts, or one text with blanks or commas between its words. Undefined: it is not there. */
function wordsAt(claims: JsonObject, name: string): readonly string[] | undefined {
  const claim = claimAt(claims, name)
  if (claim === undefined) return undefined
  const words = typeof claim === 'string' ? claim.split(/[\s,]+/) : asList(claim)
  return words.flatMap((word) => (typeof word === 'string' && word !== '' ? [word] : [])).slice(0, wordsMax)
}

/** Limit: words of a claim that count. */
const wordsMax = 1000

/** A claim of this very name, else one inside others. */
function claimAt(claims: JsonObject, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let at: unknown = claims
  for (const step of name.split('.')) {
    const holder = asObject(at)
    at = holder !== undefined && Object.hasOwn(holder, step) ? holder[step] : undefined
  }
  return at
}
