import type { BackendRequest } from './codec.ts'

/** A request for one body, with nothing to bring back. */
export const plainRequest: BackendRequest = {
  path: '',
  query: '',
  body: {},
  headers: [],
  stream: false,
  back: {
    toolNames: new Map(),
    customTools: new Set(),
    builtins: new Map(),
    outputTool: undefined,
    isOutputWrapped: false,
    stops: [],
  },
}
