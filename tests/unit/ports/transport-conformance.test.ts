import { describe, expect, test } from 'bun:test'
import { Http1Client } from '#http1/client.ts'
import { fetchTransport } from '#ports/fetch-transport.ts'
import type { Transport } from '#ports/transport.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { transportCases } from '../../support/transport-cases.ts'
import { Lab } from '../../support/transport-lab.ts'

/** Where an implementation cannot do what all should. */
interface Deviation {
  readonly reason: string
  /** What it does instead; as soon as it does what is expected, the deviation is to go. */
  readonly seen: unknown
}

interface Implementation {
  readonly name: string
  readonly make: (clock: FakeClock) => Transport
  /** By the name of the case. */
  readonly deviations: Readonly<Record<string, Deviation>>
}

const takesWhatItGets = 'it reads answers less strictly, and there is no way to tell it'
const hasItsOwnQueue = 'it opens as many connections as it likes'
const sortsHeaders = 'its headers are sorted, joined by name, and have three of its own'

const fetchDeviations: Readonly<Record<string, Deviation>> = {
  'a method that nobody knows arrives as it is': {
    reason: 'it would send a GET, so this is refused',
    seen: ['write other', undefined],
  },
  'headers arrive in their order and case, those of one name apart, and none is added': {
    reason: sortsHeaders,
    seen: [
      ['Accept', 'text/x'],
      ['Anthropic-Beta', 'a,b'],
      ['User-Agent', ''],
      ['X-Zebra', '1, 3'],
      ['x-ant', '2'],
      ['Connection', 'keep-alive'],
    ],
  },
  'a GET with a body arrives with it': { reason: 'it refuses that', seen: ['write other', undefined] },
  'headers of an answer come in their order, those of one name apart': {
    reason: sortsHeaders,
    seen: [
      ['x-ant', 'é'],
      ['x-empty', ''],
      ['x-zebra', '1, 2'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
  },
  'an answer F12: of HTTP/2 is head malformed': { reason: 'it takes that for a closed connection', seen: 'head reset' },
  ...Object.fromEntries(
    [
      'F16: with its length twice',
      'F16: with a length and chunks',
      'F16: with another coding',
      'F16: with a coding before chunks',
      'F16: of HTTP/1.0 in chunks',
      'F16: with bare line feeds',
      'F17: with a header of 100 kB',
    ].map((name) => [`an answer ${name} is head malformed`, { reason: takesWhatItGets, seen: '200 ok' }]),
  ),
  'an answer N108: without the end of its trailers is broken off as reset': {
    reason: takesWhatItGets,
    seen: ['ok', 'end'],
  },
  'a small answer that came with its head is whole at once': {
    reason: 'a body can only be waited for',
    seen: 'to be read',
  },
  'F4: a TLS handshake that is never answered fails': {
    reason: 'it does not tell how far a connection has come',
    seen: ['connect timeout', 'on time'],
  },
  'F9: a request that finds every connection busy waits no longer than it may': {
    reason: hasItsOwnQueue,
    seen: 'arrived',
  },
  'F9: where nobody may wait it fails at once': { reason: hasItsOwnQueue, seen: 'arrived' },
  'H20: so is a GET, and it is not repeated unasked': {
    reason: 'it repeats those by itself',
    seen: ['200 ok', 3],
  },
  'F8: nor one that was half answered': {
    reason: 'it does not tell what came before the end',
    seen: 'head reset, safe to repeat',
  },
}

const implementations: readonly Implementation[] = [
  { name: 'http1', make: (clock) => new Http1Client({ clock }), deviations: {} },
  { name: 'fetch', make: fetchTransport, deviations: fetchDeviations },
]

for (const { name: implementation, make, deviations } of implementations) {
  describe(implementation, () => {
    for (const { name, expected, observe } of transportCases) {
      const deviation = deviations[name]
      test(deviation === undefined ? name : `${name} — not here: ${deviation.reason}`, async () => {
        await using lab = new Lab(make)
        const seen = await observe(lab)
        if (deviation === undefined) return expect(seen).toEqual(expected)
        expect(seen).not.toEqual(expected)
        expect(seen).toEqual(deviation.seen)
      })
    }

    test('deviates in cases that there are', () => {
      const names = new Set(transportCases.map(({ name }) => name))
      expect(Object.keys(deviations).filter((name) => !names.has(name))).toEqual([])
    })
  })
}

test('no two cases have the same name', () => {
  const names = transportCases.map(({ name }) => name)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})
