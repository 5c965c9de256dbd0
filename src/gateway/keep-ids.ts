import type { Answer } from '#core/answer.ts'
import type { Owner } from '#core/owner.ts'
import { givenIds } from '#route/given-id.ts'
import type { IsThere, Owners } from '#route/owners.ts'
import { textOf } from '#upstream/decode.ts'
import { readResourcePath } from '#wire/resource-path.ts'
import type { Errand } from './errand.ts'
import type { Turn } from './walk.ts'

/** Remembers who has what the answer tells of, so that requests that speak of it go there. */
export function keepIds(
  { gateway, snapshot, call, exchange, walk }: Errand,
  { candidate, credential }: Turn,
  answer: Answer,
): void {
  const { backends, homes, ownedIds } = snapshot
  if (ownedIds.max === 0 || answer.status >= 300) return
  if (!homes.keepsIds && (ownedIds.resources !== 'own' || call.endpoint.dialect === 'raw')) return
  if (call.method === 'DELETE') return dropId(gateway.figures.owners, call.path)
  const given = givenIds(call, answer, textOf)
  if (given.length === 0) return
  const { name } = candidate.backend
  // By its first address, also where it was asked at its second one.
  const { url } = backends.get(name) ?? candidate.backend
  const shown: Owner = {
    backend: name,
    address: url.href,
    credential: credential?.credential.name,
    caller: undefined,
  }
  const made: Owner = { ...shown, caller: exchange.caller }
  // What came of something that nobody saw being made is not for one caller alone either.
  const isDeeper = (readResourcePath(call.path)?.rest.length ?? 0) > 0
  const mayBeMade = !isDeeper || walk.isOwned
  const isThere: IsThere = ({ backend, address }) => backends.get(backend)?.url.href === address
  const nowMs = gateway.clock.monotonicMs()
  for (const { id, kind, isMade } of given) {
    gateway.figures.owners.keep(id, kind, isMade && mayBeMade ? made : shown, nowMs, ownedIds, isThere)
  }
}

/** What stands deeper is of something that is still there. */
function dropId(owners: Owners, path: string): void {
  const [id, inner] = readResourcePath(path)?.rest ?? []
  if (id !== undefined && inner === undefined) owners.drop(id)
}
