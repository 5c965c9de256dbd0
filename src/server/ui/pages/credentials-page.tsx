import type { FunctionComponent } from 'preact'
import type { Status } from '#core/status.ts'
import { GroupCard } from '#server/ui/components/group-card.tsx'
import { NeedsKey } from '#server/ui/components/needs-key.tsx'
import { RowTable } from '#server/ui/components/row-table.tsx'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { credentialsOf, tallyOf } from '#server/ui/model.ts'

/** Whose credentials rest, for how long and why. Names only: the gateway tells no page a secret. */
export const CredentialsPage: FunctionComponent = () => <NeedsKey show={(status) => <Credentials status={status} />} />

const Credentials: FunctionComponent<{ readonly status: Status }> = ({ status }) => {
  const words = useWords()
  const { state } = useSurroundings()
  const groups = credentialsOf(status)
  if (groups.length === 0) return <p class="faint">{words.noCredentials}</p>
  return (
    <>
      {groups.map(({ name: backend, rows }) => (
        <GroupCard key={backend} name={backend} tally={tallyOf(rows)}>
          <RowTable
            caption={backend}
            nameHead={words.credentials}
            rows={rows}
            action={(row) =>
              row.state === 'resting' && (
                <button type="button" class="again" onClick={() => void state.resetCredential(backend, row.name)}>
                  {words.tryAgain}
                </button>
              )
            }
          />
        </GroupCard>
      ))}
    </>
  )
}
