import type { BackendRequest, Framing, HeaderLook } from './codec.ts'
import type { JsonObject } from '#kit/json-value.ts'
import type { Notes } from './notes.ts'
import { bedrockConverse, bedrockInvoke } from './carrier-bedrock.ts'
import { vertexChat, vertexClaude, vertexGemini } from './carrier-vertex.ts'

/**
 * What a cloud puts around a form that it has of somebody else: another path, members that move, frames around events. It
 * serves requests that were translated, and those of clients that speak the form themselves.
 */
export interface Carrier {
  /** `client`: headers of the client, some of which mean the cloud itself. Without `notes`, nobody is told of what is left out. */
  request(request: BackendRequest, model: string, client: HeaderLook, notes?: Notes): BackendRequest
  readonly framing: Framing
  /** An event of the cloud as one of the form; undefined: there is none in it. Absent: they are the same. */
  event?(name: string, data: string): CarriedEvent | undefined
  /** A body with a good status, as one of the form. Absent: it is the same. */
  body?(body: JsonObject): JsonObject
}

export interface CarriedEvent {
  readonly name: string
  readonly data: string
}

/** All of them; the name is that in `target.ts`. */
export const carriers = {
  bedrock_invoke: bedrockInvoke,
  bedrock_converse: bedrockConverse,
  vertex_claude: vertexClaude,
  vertex_gemini: vertexGemini,
  vertex_chat: vertexChat,
} as const satisfies Record<string, Carrier>

export type CarrierName = keyof typeof carriers

export function carrierOf(name: string | undefined): Carrier | undefined {
  return name !== undefined && isCarrier(name) ? carriers[name] : undefined
}

function isCarrier(name: string): name is CarrierName {
  return Object.hasOwn(carriers, name)
}
