import type { Opaque, Part, ReasoningPart } from '#translate/common.ts'
import { sealed, unsealed } from '#translate/opaque.ts'

/** What a `thoughtSignature` of a client holds. */
export interface Signature {
  /** Gemini's own, of the part that it stands on. */
  readonly own: Opaque | undefined
  /** Of thoughts of other models that came before this part. */
  readonly thoughts: readonly Opaque[]
}

/**
 * The field holds bytes, so that envelopes go through it as base64; several of them stand behind each other. One of Gemini's
 * own goes as it is.
 */
export function signatureOf(opaques: readonly Opaque[]): string | undefined {
  const [first] = opaques
  if (first === undefined) return undefined
  if (opaques.length === 1 && first.form === 'gemini') return first.payload
  return Buffer.from(opaques.map(sealed).join(' '), 'latin1').toString('base64')
}

export function readSignature(text: string | undefined): Signature {
  if (text === undefined || text === '' || standIns.has(text)) return none
  const opaques = envelopesIn(text).flatMap((envelope) => unsealed(envelope, 'gemini', 'signature', 'gemini') ?? [])
  return {
    own: opaques.find(isOfPart),
    thoughts: opaques.filter((opaque) => !isOfPart(opaque)),
  }
}

/** With the words that it seals, which many clients do not bring back: without them, or with others, its provider refuses it. */
export function withWords(opaque: Opaque, text: string): Opaque {
  return opaque.kind !== 'signature' || isOfPart(opaque) || text === '' ? opaque : { ...opaque, text }
}

/**
 * Thoughts of other models came to the client as plain thoughts and as a signature on a later part. They become what they
 * were: the thought with its signature, at its place since `from`, where the step began.
 */
export function restoreThoughts(parts: Part[], from: number, opaques: readonly Opaque[]): void {
  if (opaques.length === 0) return
  const others: Part[] = []
  /** What was thought in one go, and how many of the others stand in front of it. */
  const runs: { readonly at: number; readonly texts: string[] }[] = []
  for (const part of parts.splice(from)) {
    const last = runs.at(-1)
    if (part.kind !== 'reasoning' || part.opaque !== undefined) others.push(part)
    else if (last?.at === others.length) last.texts.push(part.text)
    else runs.push({ at: others.length, texts: [part.text] })
  }
  let next = 0
  for (const { at, thoughts } of placed(opaques, runs)) {
    for (const part of others.slice(next, at)) parts.push(part)
    next = at
    for (const thought of thoughts) parts.push(thought)
  }
  for (const part of others.slice(next)) parts.push(part)
}

interface Placed {
  readonly at: number
  readonly thoughts: readonly ReasoningPart[]
}

/** Each at its own place where every one was shown; else all of them where the first one stood. */
function placed(opaques: readonly Opaque[], runs: readonly { at: number; texts: readonly string[] }[]): Placed[] {
  const readable = opaques.filter((opaque) => opaque.kind !== 'redacted').length
  if (runs.length < 2 || runs.length !== readable) {
    const texts = runs.flatMap((run) => run.texts)
    return [{ at: runs[0]?.at ?? 0, thoughts: thoughtsOf(opaques, texts) }]
  }
  let next = 0
  return runs.map(({ at, texts }, index) => {
    const first = next
    do next += 1
    while (next < opaques.length && (opaques[next - 1]?.kind === 'redacted' || index === runs.length - 1))
    return { at, thoughts: thoughtsOf(opaques.slice(first, next), texts) }
  })
}

/** What stands for a signature that was never there. */
export const noSignature = 'skip_thought_signature_validator'

const standIns: ReadonlySet<string> = new Set([noSignature, 'context_engineering_is_the_way_to_go'])

const none: Signature = { own: undefined, thoughts: [] }

/** A client keeps the pieces of a stream as parts of their own, so that texts may be more than thoughts were. */
function thoughtsOf(opaques: readonly Opaque[], texts: readonly string[]): ReasoningPart[] {
  const readable = opaques.filter((opaque) => opaque.kind !== 'redacted').length
  let next = 0
  return opaques.map(({ text: words, ...opaque }) => {
    const isRedacted = opaque.kind === 'redacted'
    let text = words ?? ''
    if (words !== undefined) next++
    else if (!isRedacted && readable === 1) text = texts.join('')
    // A signed text must not be another one: where the pieces cannot be told apart, it is left out.
    else if (!isRedacted && readable === texts.length) text = texts[next++] ?? ''
    return { kind: 'reasoning', text, style: 'summary', isRedacted, opaque }
  })
}

function isOfPart(opaque: Opaque): boolean {
  return opaque.kind === 'signature' && (opaque.form === 'gemini' || opaque.family === 'gemini')
}

/** Base64 of `lp1.` begins so. */
const envelopeStart = 'bHAxL'

function envelopesIn(text: string): readonly string[] {
  if (!text.startsWith(envelopeStart)) return [text]
  const plain = Buffer.from(text, 'base64').toString('latin1')
  return plain.startsWith('lp1.') ? plain.split(' ') : [text]
}
