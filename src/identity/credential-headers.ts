/** Headers that may carry the client's key, on every route. The query's `key` comes in beside them. */
export const credentialHeaders: readonly string[] = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key']
