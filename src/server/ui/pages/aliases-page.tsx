import type { FunctionComponent } from 'preact'
import type { Status } from '#core/status.ts'
import { GroupCard } from '#server/ui/components/group-card.tsx'
import { NeedsKey } from '#server/ui/components/needs-key.tsx'
import { RowTable } from '#server/ui/components/row-table.tsx'
import { Toolbar, useWish } from '#server/ui/components/toolbar.tsx'
import { useWords } from '#server/ui/context.ts'
import { aliasesOf, tallyOf, wanted } from '#server/ui/model.ts'

/** Aliases with their routes in the order of their turns, fallbacks included. */
export const AliasesPage: FunctionComponent = () => <NeedsKey show={(status) => <Aliases status={status} />} />

const Aliases: FunctionComponent<{ readonly status: Status }> = ({ status }) => {
  const words = useWords()
  const wish = useWish()
  const groups = aliasesOf(status)
  if (groups.length === 0) return <p class="faint">{words.noAliases}</p>
  const found = groups
    .map((group) => ({ group, rows: wanted(group.rows, wish, [group.name]) }))
    .filter(({ rows }) => rows.length > 0)
  return (
    <>
      <Toolbar />
      {found.map(({ group, rows }) => (
        <GroupCard
          key={group.key}
          name={group.name}
          tally={tallyOf(group.rows)}
          note={group.isHidden === true ? words.hidden : undefined}
        >
          <RowTable caption={group.name} nameHead={words.backend} rows={rows} />
        </GroupCard>
      ))}
      {found.length === 0 && <p class="faint">{words.nothingFound}</p>}
    </>
  )
}
