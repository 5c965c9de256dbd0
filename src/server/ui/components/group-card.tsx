import type { ComponentChildren, FunctionComponent } from 'preact'
import { useWords } from '#server/ui/context.ts'
import { tallyText } from '#server/ui/format.ts'
import { toneOfTally, type Tally } from '#server/ui/model.ts'
import { Outside } from './outside.tsx'

interface GroupCardProps {
  readonly name: string
  readonly tally: Tally
  readonly note?: string | undefined
  readonly children: ComponentChildren
}

/** Something with a name of others, and how much of it is available. */
export const GroupCard: FunctionComponent<GroupCardProps> = ({ name, tally, note, children }) => (
  <section class="card group" data-group={name}>
    <div class="group-head">
      <h2>
        <Outside text={name} />
      </h2>
      {note !== undefined && <span class="faint">{note}</span>}
      <TallyMark tally={tally} />
    </div>
    {children}
  </section>
)

export const TallyMark: FunctionComponent<{ readonly tally: Tally }> = ({ tally }) => {
  const words = useWords()
  if (tally.all === 0) return null
  return <span class={`mark ${toneOfTally(tally)}`}>{tallyText(tally, words)}</span>
}
