/** A block as it is being written: what stands where in the whole decides about its cache hint, at the end. */
export type Block = Record<string, unknown>

export interface WrittenMessage {
  readonly role: 'user' | 'assistant' | 'system'
  readonly content: Block[]
}

/** The text of content that is nothing else. */
export function soleText(blocks: readonly Block[]): string | undefined {
  const [block, ...others] = blocks
  if (block === undefined || others.length > 0 || block['type'] !== 'text') return undefined
  const { type: _type, text, ...rest } = block
  return typeof text === 'string' && Object.keys(rest).length === 0 ? text : undefined
}
