import type { Opaque } from '#translate/common.ts'
import { withWords } from '#translate/gemini/signature.ts'

/** Thoughts that are not shown go along with what belongs to them, for the backend that wants them back. */
export function withHidden(opaque: Opaque | undefined, text: string): Opaque | undefined {
  if (opaque === undefined || text === '') return opaque
  return opaque.kind === 'text' ? { ...opaque, text } : withWords(opaque, text)
}
