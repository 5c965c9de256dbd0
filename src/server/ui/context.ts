import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { ReadonlySignal } from '@preact/signals'
import type { Preferences } from './preferences.ts'
import type { Place } from './router.ts'
import type { State } from './state.ts'
import type { Words } from './words.ts'

/** What every part of the page may use. */
export interface Surroundings {
  readonly state: State
  readonly preferences: Preferences
  readonly place: ReadonlySignal<Place>
  /** Goes there; a search replaces the one before it instead of making history. */
  readonly go: (place: Place) => void
}

export const SurroundingsContext = createContext<Surroundings | undefined>(undefined)

export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext)
  if (surroundings === undefined) throw new Error('Cannot show this part: it stands outside of the page')
  return surroundings
}

export function useWords(): Words {
  return useSurroundings().preferences.words.value
}
