import { isStandIn } from '#config/draft.ts'
import { nearest } from '#kit/nearest.ts'

/** What may be meant by a name that nothing has, to be put behind the complaint; empty when there is nothing at all. */
export function hintFor(name: string, known: Iterable<string>): string {
  const names = [...known].filter((each) => !isStandIn(each))
  const meant = nearest(name, names)
  if (meant !== undefined) return ` (did you mean "${meant}"?)`
  if (names.length === 0) return ''
  const shown = names.slice(0, namesMax).map((each) => JSON.stringify(each))
  return ` (there are: ${shown.join(', ')}${names.length > namesMax ? ', …' : ''})`
}

/** Limit: names in one complaint. */
const namesMax = 5
