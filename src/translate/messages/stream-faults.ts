import type { CommonError } from '#translate/common.ts'

export const incomplete: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  code: 'stream_incomplete',
  message: 'the stream ended unexpectedly',
}

export const spliced: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  code: 'stream_restarted',
  message: 'the stream began anew with another answer after it had said something',
}

export const unreadable: CommonError = {
  kind: 'upstream_failed',
  status: 502,
  code: 'stream_malformed',
  message: 'the stream holds an event that is no JSON',
}
