import type { FramedEvent } from '#translate/codec.ts'
import type { CommonError, Usage } from '#translate/common.ts'

export const noEvents: readonly FramedEvent[] = []

/** Ends a stream that is whole; one that broke has no such word. */
export const lastWord: FramedEvent = { data: '[DONE]' }

export const brokenOff: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  message: 'Cannot complete the answer: the backend broke it off with an error',
}

/** Where the backend does not count: rather too many tokens than too few. */
export function estimatedUsage(input: number, saidLength: number): Usage {
  return { input, output: Math.ceil(saidLength / charactersPerToken) }
}

const charactersPerToken = 3
