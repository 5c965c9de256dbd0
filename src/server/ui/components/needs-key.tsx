import type { ComponentChildren, FunctionComponent } from 'preact'
import type { Status } from '#core/status.ts'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { KeyForm } from './key-form.tsx'

/** A part of the page that only the full view has. */
export const NeedsKey: FunctionComponent<{ readonly show: (status: Status) => ComponentChildren }> = ({ show }) => {
  const words = useWords()
  const { status, hasKey, trouble } = useSurroundings().state
  if (status.value !== undefined) return <>{show(status.value)}</>
  // The form stays while its key is tried: who types in it must not be thrown out.
  const isAsking = hasKey.value && trouble.value === undefined
  return (
    <section class="card">
      <p>{isAsking ? words.refreshing : words.needsKey}</p>
      <KeyForm />
    </section>
  )
}
