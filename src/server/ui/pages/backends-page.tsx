import type { FunctionComponent } from 'preact'
import type { Status } from '#core/status.ts'
import { NeedsKey } from '#server/ui/components/needs-key.tsx'
import { RowTable } from '#server/ui/components/row-table.tsx'
import { Toolbar, useWish } from '#server/ui/components/toolbar.tsx'
import { useWords } from '#server/ui/context.ts'
import { backendsOf, wanted } from '#server/ui/model.ts'

/** Every backend with its address, and how it does over all its routes. */
export const BackendsPage: FunctionComponent = () => <NeedsKey show={(status) => <Backends status={status} />} />

const Backends: FunctionComponent<{ readonly status: Status }> = ({ status }) => {
  const words = useWords()
  const wish = useWish()
  const rows = backendsOf(status)
  if (rows.length === 0) return <p class="faint">{words.noBackends}</p>
  const found = wanted(rows, wish)
  return (
    <>
      <Toolbar />
      {found.length === 0 ? (
        <p class="faint">{words.nothingFound}</p>
      ) : (
        <section class="card">
          <RowTable caption={words.backends} nameHead={words.backend} rows={found} />
        </section>
      )}
    </>
  )
}
