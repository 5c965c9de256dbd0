import { describe, expect, test } from 'bun:test'
import type { OpenStatus, OpenTarget } from '#server/ui/api.ts'
import {
  aliasesOf,
  backendsOf,
  credentialsOf,
  openServicesOf,
  servicesOf,
  tallyOf,
  tallyOfGroups,
  targetsOf,
  toneOf,
  toneOfTally,
  troubledOf,
  wanted,
  type Order,
  type Row,
} from '#server/ui/model.ts'
import { backendStatus, credentialStatus, noTraffic, pageStatus, routeStatus } from '../../../support/page-status.ts'

const lastError = {
  at: '2026-01-13T09:40:00.000Z',
  reason: 'status',
  status: 500,
  message: 'the upstream answered 500',
}

const services = [
  {
    service: 'google',
    models: [{ model: 'gemini', routes: [routeStatus({ backend: 'google/gemini/one', name: 'One' })] }],
  },
]

function openStatus(targets: readonly OpenTarget[]): OpenStatus {
  return { at: undefined, version: '1', backends: 1, models: 0, services: { google: { gemini: targets } } }
}

describe('rows', () => {
  test('D60: services hold their models, and models those who answer for them', () => {
    const [group] = servicesOf(pageStatus({ services }))
    expect(group?.service).toBe('google')
    expect(group?.models.map(({ name, rows }) => [name, rows.map((row) => [row.name, row.detail])])).toEqual([
      ['gemini', [['One', '']]],
    ])
  })

  test('D60: so do they without a key, with state, latency and error', () => {
    const target = {
      id: 'one',
      name: 'One',
      weight: 1,
      status: 'unhealthy',
      checkedAt: '2026-01-13T09:41:00.000Z',
      error: 'no answer within 5 s',
      latencyMs: 12,
    } as const
    const [group] = openServicesOf(openStatus([target]))
    expect(group?.models[0]?.rows).toMatchObject([
      {
        name: 'One',
        detail: 'one',
        state: 'unhealthy',
        latencyMs: 12,
        checkedMs: Date.UTC(2026, 0, 13, 9, 41),
        error: { text: 'no answer within 5 s', atMs: Date.UTC(2026, 0, 13, 9, 41) },
      },
    ])
  })

  test('a failing check goes before what failed once, which tells its status', () => {
    const traffic = { ...noTraffic, lastError: { ...lastError, message: 'no' } }
    const check = {
      state: 'unhealthy',
      at: '2026-01-13T09:41:00.000Z',
      latencyMs: 7,
      fault: 'refused',
      nextInMs: 1,
    } as const
    const rowOf = (fault: string | undefined, attempts = 0): Row | undefined =>
      backendsOf(
        pageStatus({ backends: [backendStatus({ traffic: { ...traffic, attempts }, check: { ...check, fault } })] }),
      )[0]
    expect(rowOf('refused')?.error?.text).toBe('refused')
    expect(rowOf(undefined)?.error).toEqual({ text: '500: no', atMs: Date.UTC(2026, 0, 13, 9, 40) })
    expect(rowOf(undefined)?.latencyMs).toBe(7)
    // What streams take until they begin is no business of checks.
    expect(rowOf(undefined, 1)?.latencyMs).toBeUndefined()
  })

  test('aliases tell which of their routes is a fallback, and whether they are listed', () => {
    const routes = [routeStatus(), routeStatus({ backend: 'b', level: 'l2', alias: 'other', priority: 3, weight: 2 })]
    const [group] = aliasesOf(pageStatus({ aliases: [{ alias: 'm', isListed: false, routes }] }))
    expect(group?.isHidden).toBe(true)
    expect(group?.rows.map(({ chips }) => chips)).toEqual([
      [
        { kind: 'priority', count: 1 },
        { kind: 'weight', count: 1 },
      ],
      [
        { kind: 'fallback', alias: 'other' },
        { kind: 'priority', count: 3 },
        { kind: 'weight', count: 2 },
      ],
    ])
  })

  test('rows of one table have keys of their own, also where names come again', () => {
    const routes = [
      routeStatus(),
      routeStatus({ level: 'l2' }),
      routeStatus({ priority: 2 }),
      routeStatus({ model: 'x' }),
    ]
    const [group] = aliasesOf(pageStatus({ aliases: [{ alias: 'm', isListed: true, routes }] }))
    expect(new Set(group?.rows.map(({ key }) => key)).size).toBe(routes.length)
    const credentials = [credentialStatus(), credentialStatus()]
    expect(new Set(credentialsOf(pageStatus({ credentials }))[0]?.rows.map(({ key }) => key)).size).toBe(2)
  })

  test('credentials stand with their backend', () => {
    const credentials = [
      credentialStatus({ backend: 'a', name: 'x', state: 'resting', restsForMs: 9, setbacks: 2, reason: 'quota' }),
      credentialStatus({ backend: 'b', name: 'y' }),
      credentialStatus({ backend: 'a', name: 'z' }),
    ]
    const groups = credentialsOf(pageStatus({ credentials }))
    expect(groups.map(({ name, rows }) => [name, rows.map((row) => row.name)])).toEqual([
      ['a', ['x', 'z']],
      ['b', ['y']],
    ])
    expect(groups[0]?.rows[0]).toMatchObject({ state: 'resting', restsForMs: 9, setbacks: 2, error: { text: 'quota' } })
  })
})

describe('D61: availability', () => {
  test('a target counts once, however many aliases lead to it', () => {
    const aliases = ['m', 'n'].map((alias) => ({ alias, isListed: true, routes: [routeStatus({ alias })] }))
    const passthrough = [routeStatus({ backend: 'p', state: 'unhealthy' })]
    expect(tallyOf(targetsOf(pageStatus({ aliases, services, passthrough })))).toEqual({ up: 2, unseen: 0, all: 3 })
  })

  test.each([
    { state: 'healthy', tone: 'good', isUp: true },
    { state: 'unknown', tone: 'idle', isUp: true },
    { state: 'circuit_half_open', tone: 'fair', isUp: true },
    { state: 'cooling', tone: 'bad', isUp: false },
    { state: 'no_credential', tone: 'bad', isUp: false },
    { state: 'ejected', tone: 'bad', isUp: false },
    { state: 'circuit_open', tone: 'bad', isUp: false },
    { state: 'unhealthy', tone: 'bad', isUp: false },
  ] as const)('$state is $tone', ({ state, tone, isUp }) => {
    expect(toneOf(state)).toBe(tone)
    const routes = [routeStatus({ state })]
    const groups = aliasesOf(pageStatus({ aliases: [{ alias: 'm', isListed: true, routes }] }))
    expect(tallyOfGroups(groups)).toEqual({ up: isUp ? 1 : 0, unseen: 0, all: 1 })
  })

  test('a group is available as long as one of its rows is', () => {
    const routes = [routeStatus({ state: 'unhealthy' }), routeStatus({ backend: 'b' })]
    expect(tallyOfGroups(aliasesOf(pageStatus({ aliases: [{ alias: 'm', isListed: true, routes }] })))).toEqual({
      up: 1,
      unseen: 0,
      all: 1,
    })
  })

  test.each([
    { statuses: ['healthy', 'healthy'], tally: { up: 2, unseen: 0, all: 2 }, tone: 'good' },
    { statuses: ['healthy', 'unknown'], tally: { up: 1, unseen: 1, all: 2 }, tone: 'fair' },
    { statuses: ['unhealthy', 'unknown'], tally: { up: 0, unseen: 1, all: 2 }, tone: 'bad' },
    { statuses: ['unknown', 'unknown'], tally: { up: 0, unseen: 2, all: 2 }, tone: 'idle' },
  ] as const)(
    'N311: without a key $statuses is $tally: what nobody looked at is not well',
    ({ statuses, tally, tone }) => {
      const target = { weight: 1, checkedAt: undefined, error: undefined, latencyMs: undefined }
      const targets = statuses.map((status, at) => ({ ...target, id: `t${at}`, name: `t${at}`, status }))
      const [group] = openServicesOf(openStatus(targets))
      expect(tallyOf(group?.models[0]?.rows ?? [])).toEqual(tally)
      expect(toneOfTally(tally)).toBe(tone)
      const { up, unseen } = tally
      expect(tallyOfGroups(group?.models ?? [])).toEqual({
        up: Math.min(up, 1),
        unseen: up === 0 && unseen > 0 ? 1 : 0,
        all: 1,
      })
    },
  )
})

describe('wanted()', () => {
  const rows = aliasesOf(
    pageStatus({
      aliases: [
        {
          alias: 'm',
          isListed: true,
          routes: [
            routeStatus({ backend: 'Bravo', model: 'x', traffic: { ...noTraffic, attempts: 1, latencyMs: 10 } }),
            routeStatus({ backend: 'alpha', model: 'y', state: 'cooling', restsForMs: 10 }),
            routeStatus({
              backend: 'charlie',
              model: 'x',
              state: 'unhealthy',
              traffic: { ...noTraffic, attempts: 1, latencyMs: 99 },
            }),
          ],
        },
      ],
    }),
  ).flatMap((group) => group.rows)
  const wish = { search: '', order: 'file', onlyTroubled: false } as const
  const namesOf = (found: readonly Row[]): string[] => found.map(({ name }) => name)

  test.each<{ order: Order; names: string[] }>([
    { order: 'file', names: ['Bravo', 'alpha', 'charlie'] },
    { order: 'name', names: ['alpha', 'Bravo', 'charlie'] },
    { order: 'state', names: ['charlie', 'alpha', 'Bravo'] },
    { order: 'latency', names: ['charlie', 'Bravo', 'alpha'] },
  ])('orders by $order', ({ order, names }) => {
    expect(namesOf(wanted(rows, { ...wish, order }))).toEqual(names)
  })

  test.each<{ search: string; names: string[] }>([
    { search: 'ALPHA', names: ['alpha'] },
    { search: ' x ', names: ['Bravo', 'charlie'] },
    { search: 'nothing', names: [] },
    { search: 'group', names: ['Bravo', 'alpha', 'charlie'] },
  ])('finds "$search" in names, details and what they stand in', ({ search, names }) => {
    expect(namesOf(wanted(rows, { ...wish, search }, ['The Group']))).toEqual(names)
  })

  test('leaves out what is well, and what is not known', () => {
    const unknown = aliasesOf(
      pageStatus({ aliases: [{ alias: 'm', isListed: true, routes: [routeStatus({ state: 'unknown' })] }] }),
    ).flatMap((group) => group.rows)
    expect(namesOf(wanted([...rows, ...unknown], { ...wish, onlyTroubled: true }))).toEqual(['alpha', 'charlie'])
    expect(namesOf(troubledOf([...rows, ...unknown]))).toEqual(['charlie', 'alpha'])
  })
})
