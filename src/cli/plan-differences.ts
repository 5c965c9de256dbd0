import * as v from 'valibot'
import { secretStandIn } from '#config/stand-in.ts'
import { Secret } from '#core/secret.ts'
import { clientKeyMark, shownUrl } from '#server/admin-config.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import { Masker } from '#telemetry/mask.ts'

/** The form of the running configuration as far as it is compared. Made when asked for: a start needs none. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types, typescript/explicit-function-return-type -- the schema's type is its value
export function runningConfigSchema() {
  return v.object({
    digest: v.string(),
    /** Absent where no key is asked for. */
    clientKey: v.optional(v.string()),
    backends: v.array(v.object({ name: v.string(), url: v.string() })),
  })
}

export type RunningConfig = v.InferOutput<ReturnType<typeof runningConfigSchema>>

/** What another configuration changes for every request, whichever route it takes. */
export interface Differences {
  /** `unknown`: the new one is not to be had here. */
  readonly clientKey: 'same' | 'changed' | 'added' | 'removed' | 'unknown'
  /** Backends that keep their name and are somewhere else. */
  readonly moved: readonly { readonly backend: string; readonly from: string; readonly to: string }[]
}

export function differencesOf(running: RunningConfig, next: Snapshot): Differences {
  const masker = new Masker(() => next.secrets)
  const moved = running.backends.flatMap(({ name, url: from }) => {
    const backend = next.backends.get(name)
    const to = backend === undefined ? from : shownUrl(backend.url, masker)
    return to === from ? [] : [{ backend: name, from, to }]
  })
  return { clientKey: changeOfKey(running, next), moved }
}

function changeOfKey({ clientKey: before, digest }: RunningConfig, next: Snapshot): Differences['clientKey'] {
  const key = next.settings.get('proxy_api_key')
  if (key instanceof Secret && key.reveal().includes(secretStandIn)) return before === undefined ? 'added' : 'unknown'
  const after = clientKeyMark(next, digest)
  if (before === after) return 'same'
  return before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
}

/** For people, one line each; none where nothing changes. */
export function differenceLines({ clientKey, moved }: Differences): readonly string[] {
  const ofKey = keyWords[clientKey]
  const ofBackends = moved.map(({ backend, from, to }) => `Backend "${backend}" moves: ${from} → ${to}`)
  return [...(ofKey === undefined ? [] : [ofKey]), ...ofBackends]
}

const keyWords: Readonly<Record<Differences['clientKey'], string | undefined>> = {
  same: undefined,
  changed: 'The key of the clients changes: every client is refused unless it has the new one.',
  added: 'Clients are asked for a key: every client is refused unless it has it.',
  removed: 'Clients are asked for no key any more.',
  unknown:
    'Whether the key of the clients changes cannot be told: what "proxy_api_key" refers to is not to be had here.',
}
