import type { ComponentChildren, FunctionComponent } from 'preact'
import type { Status } from '#core/status.ts'
import type { OpenStatus } from '#server/ui/api.ts'
import { KeyForm } from '#server/ui/components/key-form.tsx'
import { Moment } from '#server/ui/components/moment.tsx'
import { troubleText } from '#server/ui/components/notices.tsx'
import { Outside } from '#server/ui/components/outside.tsx'
import { RowTable } from '#server/ui/components/row-table.tsx'
import { useSurroundings, useWords } from '#server/ui/context.ts'
import { durationText, momentOf, shownText, tallyText } from '#server/ui/format.ts'
import {
  aliasesOf,
  backendsOf,
  credentialsOf,
  openServicesOf,
  servicesOf,
  tallyOf,
  tallyOfGroups,
  targetsOf,
  toneOfTally,
  troubledOf,
  type Row,
  type Tally,
} from '#server/ui/model.ts'
import { hashOf, type PageName } from '#server/ui/router.ts'
import { fill, type Words } from '#server/ui/words.ts'

/** All that somebody wants to know who looks for five seconds. */
export const OverviewPage: FunctionComponent = () => {
  const words = useWords()
  const { status, open } = useSurroundings().state
  return (
    <>
      {status.value !== undefined ? (
        <FullOverview status={status.value} />
      ) : open.value !== undefined ? (
        <OpenOverview open={open.value} />
      ) : (
        <p class="faint">{words.never}</p>
      )}
      {/* One and the same, whatever stands above it: who types in it must not be thrown out. */}
      <section class="card">
        <KeyForm />
      </section>
    </>
  )
}

const FullOverview: FunctionComponent<{ readonly status: Status }> = ({ status }) => {
  const words = useWords()
  const targets = targetsOf(status)
  const models = servicesOf(status).flatMap((service) => service.models)
  return (
    <>
      <Availability tally={tallyOf(targets)} texts={fullTexts(words)} />
      <div class="tiles">
        <Tile page="services" name={words.serviceModels} tally={tallyOfGroups(models)} />
        <Tile page="aliases" name={words.aliases} tally={tallyOfGroups(aliasesOf(status))} />
        <Tile page="backends" name={words.backends} tally={tallyOf(backendsOf(status))} />
        <Tile
          page="credentials"
          name={words.credentials}
          tally={tallyOf(credentialsOf(status).flatMap((group) => group.rows))}
        />
      </div>
      <ConfigNotices status={status} />
      <Troubled rows={targets} page="backends" />
      <section class="card">
        <h2>{words.facts}</h2>
        <dl>
          <Fact name={words.version}>{status.version}</Fact>
          <Fact name={words.uptime}>
            {durationText((momentOf(status.at) ?? 0) - (momentOf(status.startedAt) ?? 0), words)}
          </Fact>
          <Fact name={words.inFlight}>{status.inFlight}</Fact>
          {status.worker !== undefined && (
            <Fact name={words.worker}>
              {fill(words.workerText, { number: status.worker.number, of: status.worker.of })}
            </Fact>
          )}
          <Fact name={words.configVersion}>
            {status.config.version} · <Moment ms={momentOf(status.config.loadedAt)} />
          </Fact>
          <Fact name={words.configFrom}>
            {status.config.file === undefined ? words.environment : <Outside text={status.config.file} />}
          </Fact>
        </dl>
        <Reload hasOthers={status.worker !== undefined} />
      </section>
    </>
  )
}

const OpenOverview: FunctionComponent<{ readonly open: OpenStatus }> = ({ open }) => {
  const words = useWords()
  const models = openServicesOf(open).flatMap((service) => service.models)
  const rows = models.flatMap((group) => group.rows)
  return (
    <>
      <Availability tally={tallyOf(rows)} texts={openTexts(words)} />
      {rows.length > 0 && (
        <div class="tiles">
          <Tile page="services" name={words.serviceModels} tally={tallyOfGroups(models)} />
        </div>
      )}
      {rows.length > 0 && <Troubled rows={rows} page="services" />}
      <section class="card">
        <h2>{words.facts}</h2>
        <dl>
          <Fact name={words.version}>{open.version}</Fact>
          <Fact name={words.backends}>{open.backends}</Fact>
          <Fact name={words.models}>{open.models}</Fact>
        </dl>
      </section>
    </>
  )
}

/** What is said of how much is available: of everything, or of services alone. */
interface AvailabilityTexts {
  readonly none: string
  readonly allWell: string
  readonly someDown: string
  readonly allDown: string
}

function fullTexts({ nothingKnown, allWell, someDown, allDown }: Words): AvailabilityTexts {
  return { none: nothingKnown, allWell, someDown, allDown }
}

function openTexts({ openNone, openWell, openSome, openDown }: Words): AvailabilityTexts {
  return { none: openNone, allWell: openWell, someDown: openSome, allDown: openDown }
}

interface AvailabilityProps {
  readonly tally: Tally
  readonly texts: AvailabilityTexts
}

const Availability: FunctionComponent<AvailabilityProps> = ({ tally, texts }) => {
  const words = useWords()
  const { up, unseen, all } = tally
  if (all === 0) return <section class="card availability idle">{texts.none}</section>
  if (unseen === all) return <section class="card availability idle">{words.openUnseen}</section>
  // Never a hundred while one is missing, never none while one is there.
  const percent = up === all ? 100 : Math.min(99, Math.max(up === 0 ? 0 : 1, Math.round((100 * up) / all)))
  const text = up === all ? texts.allWell : up === 0 && unseen === 0 ? texts.allDown : fill(texts.someDown, { up, all })
  return (
    <section class={`card availability ${toneOfTally(tally)}`} aria-label={words.availability}>
      <p role="status">
        {text}
        {unseen > 0 && fill(words.unseenToo, { count: unseen })}
      </p>
      <p class="percent">{fill(words.percent, { percent })}</p>
      <meter min={0} max={all} value={up} aria-label={words.availability}>
        {fill(words.ofAll, { up, all })}
      </meter>
    </section>
  )
}

interface TileProps {
  readonly page: PageName
  readonly name: string
  readonly tally: Tally
}

const Tile: FunctionComponent<TileProps> = ({ page, name, tally }) => {
  const words = useWords()
  return (
    <a class={`card tile ${toneOfTally(tally)}`} href={hashOf({ page, search: '' })}>
      <span>{name}</span>
      <strong>{tallyText(tally, words)}</strong>
    </a>
  )
}

interface TroubledProps {
  readonly rows: readonly Row[]
  /** Where the others are found. */
  readonly page: PageName
}

const Troubled: FunctionComponent<TroubledProps> = ({ rows, page }) => {
  const words = useWords()
  const troubled = troubledOf(rows)
  return (
    <section class="card troubled">
      <h2>{words.needsAttention}</h2>
      {troubled.length === 0 ? (
        <p class="faint">{words.nothingWrong}</p>
      ) : (
        <RowTable caption={words.needsAttention} nameHead={words.target} rows={troubled.slice(0, troubledMax)} />
      )}
      {troubled.length > troubledMax && (
        <a href={hashOf({ page, search: '' })}>{fill(words.andMore, { count: troubled.length - troubledMax })}</a>
      )}
    </section>
  )
}

/** Limit: rows on the first page; the others stand on pages of their own. */
const troubledMax = 50

const ConfigNotices: FunctionComponent<{ readonly status: Status }> = ({ status: { config } }) => {
  const words = useWords()
  const { refused, warnings, restartKeys } = config
  return (
    <>
      {refused !== undefined && (
        <section class="card config-refused">
          <h2>
            {words.configRefused} (<Moment ms={momentOf(refused.at)} />)
          </h2>
          <Lines lines={refused.problems} />
        </section>
      )}
      {warnings.length > 0 && (
        <section class="card">
          <h2>{words.configWarnings}</h2>
          <Lines lines={warnings} />
        </section>
      )}
      {restartKeys.length > 0 && (
        <p class="notice fair">
          {fill(words.configRestart, { keys: restartKeys.map((key) => shownText(key)).join(', ') })}
        </p>
      )}
    </>
  )
}

const Lines: FunctionComponent<{ readonly lines: readonly string[] }> = ({ lines }) => (
  <ul class="lines">
    {lines.map((line, place) => (
      <li key={place}>
        <Outside text={line} />
      </li>
    ))}
  </ul>
)

const Fact: FunctionComponent<{ readonly name: string; readonly children: ComponentChildren }> = ({
  name,
  children,
}) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

/** `hasOthers`: it is one of several processes. */
const Reload: FunctionComponent<{ readonly hasOthers: boolean }> = ({ hasOthers }) => {
  const words = useWords()
  const { state } = useSurroundings()
  const reloaded = state.reloaded.value
  const isAsking = reloaded === 'asking'
  return (
    <div class="reload">
      <button type="button" aria-disabled={isAsking} onClick={() => isAsking || void state.reload()}>
        {isAsking ? words.reloading : words.reload}
      </button>
      <span role="status" class="told">
        {reloaded === undefined || reloaded === 'asking'
          ? ''
          : reloaded.kind !== 'ok'
            ? fill(words.reloadFailed, { message: troubleText(reloaded, words) })
            : reloaded.value.problems.length > 0
              ? fill(words.reloadRefused, {
                  problems: reloaded.value.problems.map((each) => shownText(each)).join('; '),
                })
              : reloaded.value.isNew
                ? fill(words.reloadNew, { version: reloaded.value.version }) + (hasOthers ? words.reloadOthers : '')
                : words.reloadSame}
      </span>
    </div>
  )
}
