import type { FunctionComponent } from 'preact'
import type { Trouble } from '#server/ui/api.ts'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { agoText, shownText } from '#server/ui/format.ts'
import { fill, type Words } from '#server/ui/words.ts'

/** What the viewer must know before anything else; readers of the screen are told when it changes. */
export const Notices: FunctionComponent = () => {
  const words = useWords()
  const { trouble, status, updatedMs } = useSurroundings().state
  return (
    <div class="notices">
      <div role="status" aria-live="polite">
        {trouble.value !== undefined && <p class="notice bad">{troubleText(trouble.value, words)}</p>}
        {status.value?.isDraining === true && <p class="notice fair">{words.draining}</p>}
      </div>
      {trouble.value !== undefined && updatedMs.value !== undefined && <ShownAge updatedMs={updatedMs.value} />}
    </div>
  )
}

/** Beside what is read aloud when it changes: this does each second. */
const ShownAge: FunctionComponent<{ readonly updatedMs: number }> = ({ updatedMs }) => {
  const words = useWords()
  const { nowMs } = useSurroundings().state
  return <p class="faint age">{fill(words.shownFrom, { ago: agoText(nowMs.value - updatedMs, words) })}</p>
}

export function troubleText(trouble: Trouble, words: Words): string {
  switch (trouble.kind) {
    case 'wrong_key':
      return words.keyWrong
    case 'locked_out':
      return fill(words.keyLockedOut, { seconds: trouble.forSeconds })
    case 'no_pages':
      return words.keyNoPages
    case 'refused':
      return fill(words.notRead, { status: trouble.status, message: shownText(trouble.message) })
    case 'unreachable':
      return words.unreachable
  }
}
