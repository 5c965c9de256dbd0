import { expect, test } from 'bun:test'
import {
  acceptFor,
  objectionToOpened,
  objectionToOpening,
  openingFor,
  protocolsOf,
} from '#http1/websocket-handshake.ts'
import { HeaderList } from '#kit/header-list.ts'

const opening = openingFor(['realtime', 'json'], (bytes) => void bytes.fill(1))

test('openingFor() asks for a WebSocket and for no extension', () => {
  expect(opening.key).toBe('AQEBAQEBAQEBAQEBAQEBAQ==')
  expect(opening.headers).toEqual([
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', 'AQEBAQEBAQEBAQEBAQEBAQ=='],
    ['Sec-WebSocket-Protocol', 'realtime, json'],
  ])
  const plain = openingFor([], () => {})
  expect(plain.headers.map(([name]) => name)).not.toContain('Sec-WebSocket-Protocol')
})

test('acceptFor() answers the key of the standard as the standard does', () => {
  expect(acceptFor('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
})

test.each<{ name: string; change: Readonly<Record<string, string>>; says: string | undefined }>([
  { name: 'without a subprotocol', change: {}, says: undefined },
  { name: 'with one that was offered', change: { 'sec-websocket-protocol': 'json' }, says: undefined },
  { name: 'in capitals', change: { upgrade: 'WebSocket', connection: 'Keep-Alive, UPGRADE' }, says: undefined },
  { name: 'to another protocol', change: { upgrade: 'h2c' }, says: 'another protocol' },
  { name: 'without Connection', change: { connection: 'close' }, says: 'Connection: Upgrade' },
  { name: 'of another key', change: { 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }, says: 'prove' },
  { name: 'with an extension', change: { 'sec-websocket-extensions': 'permessage-deflate' }, says: 'extension' },
  { name: 'with a subprotocol of its own', change: { 'sec-websocket-protocol': 'xml' }, says: 'subprotocol' },
  { name: 'with two subprotocols', change: { 'sec-websocket-protocol': 'realtime, json' }, says: 'subprotocol' },
])('objectionToOpened() judges an answer $name', ({ change, says }) => {
  const good = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': acceptFor(opening.key) }
  const objection = objectionToOpened(opening, HeaderList.from(Object.entries({ ...good, ...change })))
  if (says === undefined) expect(objection).toBeUndefined()
  else expect(objection).toContain(says)
})

test.each<{ name: string; change: Readonly<Record<string, string>>; says: string | undefined }>([
  { name: 'of a browser', change: { connection: 'keep-alive, Upgrade' }, says: undefined },
  { name: 'B77 of an old version', change: { 'sec-websocket-version': '8' }, says: 'Sec-WebSocket-Version' },
  { name: 'without a version', change: { 'sec-websocket-version': '' }, says: 'Sec-WebSocket-Version' },
  { name: 'with a short key', change: { 'sec-websocket-key': 'AQEB' }, says: 'Sec-WebSocket-Key' },
  { name: 'with no base64', change: { 'sec-websocket-key': '!!!!!!!!!!!!!!!!!!!!!!==' }, says: 'Sec-WebSocket-Key' },
  { name: 'without Connection', change: { connection: 'keep-alive' }, says: 'Connection' },
])('objectionToOpening() judges a request $name', ({ change, says }) => {
  const good = { connection: 'Upgrade', 'sec-websocket-version': '13', 'sec-websocket-key': opening.key }
  const objection = objectionToOpening(new Headers({ ...good, ...change }))
  if (says === undefined) expect(objection).toBeUndefined()
  else expect(objection).toContain(says)
})

test.each([
  { header: null, protocols: [] },
  { header: '', protocols: [] },
  { header: 'realtime', protocols: ['realtime'] },
  { header: ' realtime ,,json, realtime', protocols: ['realtime', 'json'] },
])('protocolsOf($header)', ({ header, protocols }) => {
  expect(protocolsOf(header)).toEqual(protocols)
})
