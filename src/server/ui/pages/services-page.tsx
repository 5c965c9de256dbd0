import type { FunctionComponent } from 'preact'
import { GroupCard, TallyMark } from '#server/ui/components/group-card.tsx'
import { Outside } from '#server/ui/components/outside.tsx'
import { RowTable } from '#server/ui/components/row-table.tsx'
import { Toolbar, useWish } from '#server/ui/components/toolbar.tsx'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { openServicesOf, passthroughOf, servicesOf, tallyOf, wanted, type ServiceGroup } from '#server/ui/model.ts'

/** Services with their models and who answers for each; everybody may see it. */
export const ServicesPage: FunctionComponent = () => {
  const words = useWords()
  const wish = useWish()
  const { state } = useSurroundings()
  const groups = useServices()
  if (groups === undefined) return null
  const rest = state.status.value === undefined ? [] : passthroughOf(state.status.value)
  if (groups.length === 0 && rest.length === 0) return <p class="faint">{words.noServices}</p>
  const found = groups.flatMap(({ service, models }) => {
    const left = models
      .map((group) => ({
        ...group,
        rows: wanted(group.rows, wish, [service, group.name]),
        tally: tallyOf(group.rows),
      }))
      .filter(({ rows }) => rows.length > 0)
    return left.length === 0 ? [] : [{ service, models: left, tally: tallyOf(models.flatMap(({ rows }) => rows)) }]
  })
  const restFound = wanted(rest, wish)
  return (
    <>
      <Toolbar />
      {found.map(({ service, models, tally }) => (
        <GroupCard key={service} name={service} tally={tally}>
          {models.map(({ key, name, rows, tally: ofModel }) => (
            <div key={key} class="model" data-model={name}>
              <h3>
                <Outside text={name} /> <TallyMark tally={ofModel} />
              </h3>
              <RowTable caption={`${service}/${name}`} nameHead={words.target} rows={rows} />
            </div>
          ))}
        </GroupCard>
      ))}
      {restFound.length > 0 && (
        <GroupCard name={words.passthrough} tally={tallyOf(rest)}>
          <RowTable caption={words.passthrough} nameHead={words.target} rows={restFound} />
        </GroupCard>
      )}
      {found.length === 0 && restFound.length === 0 && <p class="faint">{words.nothingFound}</p>}
    </>
  )
}

/** From whichever view is open; undefined while nothing is known. */
export function useServices(): ServiceGroup[] | undefined {
  const { status, open } = useSurroundings().state
  if (status.value !== undefined) return servicesOf(status.value)
  return open.value === undefined ? undefined : openServicesOf(open.value)
}
