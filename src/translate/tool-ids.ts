import type { Profile } from '#core/profile.ts'

/** The id as a target takes it: kept where it fits, else made anew from all of it, always the same (formats §5.6). */
export function toolIdFor(id: string, rules: Pick<Profile, 'toolIdMax' | 'toolIdForm'>): string {
  if (fits(id, rules)) return id
  const hash = new Bun.CryptoHasher('sha256').update(id)
  if (rules.toolIdForm === 'mistral') return alphanumeric(hash.digest())
  return `${prefix}${hash.digest('base64url').slice(0, Math.max(1, Math.min(hashLength, rules.toolIdMax - prefix.length)))}`
}

const prefix = 'call_'

/** Characters of base64url, six bits each: enough that no two ids of a history meet. */
const hashLength = 27

function fits(id: string, { toolIdMax, toolIdForm }: Pick<Profile, 'toolIdMax' | 'toolIdForm'>): boolean {
  switch (toolIdForm) {
    case 'mistral':
      return /^[a-zA-Z0-9]{9}$/.test(id)
    case 'anthropic':
      return id.length <= toolIdMax && /^[a-zA-Z0-9_-]+$/.test(id)
    case 'any':
      return id !== '' && id.length <= toolIdMax
  }
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Nine of them, which is all that Mistral takes. */
function alphanumeric(hash: Uint8Array): string {
  let rest = 0n
  for (const byte of hash.subarray(0, 16)) rest = rest * 256n + BigInt(byte)
  let id = ''
  while (id.length < 9) {
    id += base62[Number(rest % 62n)] ?? ''
    rest /= 62n
  }
  return id
}
