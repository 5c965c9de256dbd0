/** What a key may be used for, by the kind of request. `other`: everything that the rest does not name. */
export const permissions = [
  'chat',
  'completions',
  'responses',
  'messages',
  'embeddings',
  'images',
  'audio',
  'moderations',
  'rerank',
  'files',
  'models',
  'services',
  'other',
] as const

export type Permission = (typeof permissions)[number]
