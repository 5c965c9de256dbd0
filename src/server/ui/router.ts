/** Pages by name; each is a row of `pages` in app.tsx as well. */
export const pageNames = ['overview', 'services', 'aliases', 'backends', 'credentials'] as const
export type PageName = (typeof pageNames)[number]

/** Where somebody is: `#/services/image` → the page, and what is to be seen on it. */
export interface Place {
  readonly page: PageName
  /** What is looked for on the page; empty: everything. */
  readonly search: string
}

/** The address behind the `#`; whatever is no page leads to the first one. */
export function placeOf(hash: string): Place {
  const [, name = '', search = ''] = /^#?\/?([^/]*)\/?(.*)$/s.exec(hash) ?? []
  const page = pageNames.find((known) => known === name)
  return page === undefined ? { page: 'overview', search: '' } : { page, search: decoded(search) }
}

export function hashOf({ page, search }: Place): string {
  const name = page === 'overview' ? '' : page
  return search === '' ? `#/${name}` : `#/${name}/${encodeURIComponent(search)}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Somebody wrote it by hand.
    return text
  }
}
