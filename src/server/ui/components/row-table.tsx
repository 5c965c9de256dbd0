import type { ComponentChildren, FunctionComponent } from 'preact'
import { useWords } from '#server/ui/context.ts'
import { latencyText, shownText } from '#server/ui/format.ts'
import type { Chip, Row } from '#server/ui/model.ts'
import { fill, type Words } from '#server/ui/words.ts'
import { Moment } from './moment.tsx'
import { Outside } from './outside.tsx'
import { StateMark } from './state-mark.tsx'

interface RowTableProps {
  /** What it is a table of, for those who do not see it. */
  readonly caption: string
  readonly nameHead: string
  readonly rows: readonly Row[]
  /** What can be done about a row. */
  readonly action?: (row: Row) => ComponentChildren
}

/** Routes, backends or targets. A column about which nothing is known is left out; on a phone each row is a card. */
export const RowTable: FunctionComponent<RowTableProps> = ({ caption, nameHead, rows, action }) => {
  const words = useWords()
  const shown = columns.filter(({ isKnown }) => rows.some(isKnown))
  return (
    <table class="rows">
      <caption class="unseen">
        <Outside text={caption} />
      </caption>
      <thead>
        <tr>
          <th scope="col">{nameHead}</th>
          <th scope="col" class="of-state">
            {words.state}
          </th>
          {shown.map(({ head, isFigure }) => (
            <th key={head} scope="col" class={isFigure ? `figure of-${head}` : `of-${head}`}>
              {words[head]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key} data-name={row.name}>
            <th scope="row">
              <Outside text={row.name} class="name" />
              {row.detail !== '' && <Outside text={row.detail} class="detail" />}
              <span class="chips">
                {row.chips.flatMap((chip) => {
                  const text = chipText(chip, words)
                  return text === undefined ? [] : [<bdi key={text}>{text}</bdi>]
                })}
              </span>
            </th>
            <td data-label={words.state}>
              <StateMark state={row.state} restsForMs={row.restsForMs} />
              {action?.(row)}
            </td>
            {shown.map(({ head, isFigure, show }) => (
              <td key={head} data-label={words[head]} class={isFigure ? 'figure' : undefined}>
                {show(row, words)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface Column {
  readonly head: 'latency' | 'firstToken' | 'inFlight' | 'attempts' | 'setbacks' | 'checked' | 'lastError'
  readonly isFigure: boolean
  readonly isKnown: (row: Row) => boolean
  readonly show: (row: Row, words: Words) => ComponentChildren
}

const columns: readonly Column[] = [
  {
    head: 'latency',
    isFigure: true,
    isKnown: ({ latencyMs }) => latencyMs !== undefined,
    show: ({ latencyMs }, words) => (latencyMs === undefined ? '–' : latencyText(latencyMs, words)),
  },
  {
    head: 'firstToken',
    isFigure: true,
    isKnown: ({ firstContentMs }) => firstContentMs !== undefined,
    show: ({ firstContentMs }, words) => (firstContentMs === undefined ? '–' : latencyText(firstContentMs, words)),
  },
  {
    head: 'inFlight',
    isFigure: true,
    isKnown: ({ inFlight }) => inFlight !== undefined,
    show: ({ inFlight = 0 }) => String(inFlight),
  },
  {
    head: 'attempts',
    isFigure: true,
    isKnown: ({ attempts }) => attempts !== undefined,
    show: ({ attempts = 0, failures = 0 }, words) =>
      failures === 0 ? String(attempts) : fill(words.attemptsText, { attempts, failures }),
  },
  {
    head: 'setbacks',
    isFigure: true,
    isKnown: ({ setbacks }) => setbacks !== undefined,
    show: ({ setbacks = 0 }) => String(setbacks),
  },
  {
    head: 'checked',
    isFigure: false,
    isKnown: ({ checkedMs }) => checkedMs !== undefined,
    show: ({ checkedMs }) => <Moment ms={checkedMs} isAge />,
  },
  {
    head: 'lastError',
    isFigure: false,
    isKnown: ({ error }) => error !== undefined,
    show: ({ error }) =>
      error === undefined ? (
        '–'
      ) : (
        <span class="error">
          <Outside text={error.text} />
          {error.atMs !== undefined && (
            <span class="faint">
              {' '}
              <Moment ms={error.atMs} isAge />
            </span>
          )}
        </span>
      ),
  },
]

/** What is as most have it needs no chip. */
function chipText(chip: Chip, words: Words): string | undefined {
  switch (chip.kind) {
    case 'weight':
      return chip.count === 1 ? undefined : fill(words.weightText, { weight: chip.count })
    case 'priority':
      return fill(words.priorityText, { priority: chip.count })
    case 'routes':
      return chip.count === 1 ? words.routeText : fill(words.routesText, { count: chip.count })
    case 'fallback':
      return fill(words.fallbackText, { alias: shownText(chip.alias) })
    case 'hasKey':
      return words.hasKey
    case 'hasNoKey':
      return words.hasNoKey
  }
}
