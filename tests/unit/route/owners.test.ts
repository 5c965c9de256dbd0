import { expect, test } from 'bun:test'
import type { Owner } from '#core/owner.ts'
import type { SharedFact } from '#core/shared.ts'
import { Owners } from '#route/owners.ts'

const policy = { max: 3, ttlMs: 1000 }
const ownerOf = (backend: string, caller = 'default'): Owner => ({
  backend,
  address: `http://${backend}/v1`,
  credential: undefined,
  caller,
})

test('find() knows who has an id, until its time is over; each use begins it anew', () => {
  const owners = new Owners()
  owners.keep('file-1234', 'file', ownerOf('a'), 0, policy)
  expect(owners.find('file-1234', 999)).toEqual(ownerOf('a'))
  expect(owners.find('file-1234', 1998)).toEqual(ownerOf('a'))
  expect(owners.find('file-1234', 2998)).toBeUndefined()
  expect([owners.mayHave('file'), owners.mayHave('response')]).toEqual([true, false])
})

test.each(['files/abc123', 'https://g.example/v1beta/files/abc123', 'abc123'])(
  '%s is one id, however it is written',
  (id) => {
    const owners = new Owners()
    owners.keep('files/abc123', 'file', ownerOf('a'), 0, policy)
    expect(owners.find(id, 1)).toEqual(ownerOf('a'))
  },
)

test('the one that was used longest ago makes room', () => {
  const owners = new Owners()
  for (const id of ['file-1', 'file-2', 'file-3']) owners.keep(id, 'file', ownerOf('a'), 0, policy)
  owners.find('file-1', 1)
  owners.keep('file-4', 'file', ownerOf('a'), 2, policy)
  const known = ['file-1', 'file-2', 'file-3', 'file-4'].filter((id) => owners.find(id, 3) !== undefined)
  expect(known).toEqual(['file-1', 'file-3', 'file-4'])
})

test('nobody takes what is somebody else’s, until it is forgotten', () => {
  const owners = new Owners()
  owners.keep('file-1234', 'file', ownerOf('a', 'one'), 0, policy)
  owners.keep('file-1234', 'file', ownerOf('b', 'two'), 1, policy)
  expect(owners.find('file-1234', 2)).toEqual(ownerOf('a', 'one'))
  owners.keep('file-1234', 'file', ownerOf('b', 'two'), 5000, policy)
  expect(owners.find('file-1234', 5001)).toEqual(ownerOf('b', 'two'))
})

test.each(['', '12345', 'x'.repeat(513), 'files/batches', 'cachedContents/cancel', 'organization', 'no-number-in-it'])(
  '%p is no id',
  (id) => {
    const owners = new Owners()
    owners.keep(id, 'file', ownerOf('a'), 0, policy)
    expect(owners.size).toBe(0)
  },
)

test('what one process learned another one knows; it is told once, and again when that is long ago', () => {
  const told: SharedFact[] = []
  const [one, other] = [new Owners(), new Owners()]
  one.learned = (fact) => void told.push(fact)
  for (const nowMs of [0, 100, 200, 300]) one.keep('file-1234', 'file', ownerOf('a'), nowMs, policy)
  expect(told).toHaveLength(2)
  const [fact] = told
  if (fact?.kind !== 'owner') throw new Error('Nobody was told')
  other.hear(fact.key, fact.of, fact.owner, 0, fact.forMs, 3)
  expect(other.find('file-1234', 1)).toEqual(ownerOf('a'))
  expect(other.mayHave('file')).toBe(true)
})

test('many ids take little time', () => {
  const owners = new Owners()
  for (let count = 0; count < 200_000; count += 1) {
    owners.keep(`resp_${count}`, 'response', ownerOf('a'), 0, { max: 100_000, ttlMs: 1000 })
  }
  expect(owners.size).toBe(100_000)
})

test('an id stays with its backend while that one is there, also when another process tells otherwise', () => {
  const owners = new Owners()
  owners.keep('file-1234', 'file', ownerOf('a'), 0, policy)
  owners.keep('file-1234', 'file', ownerOf('b'), 1, policy)
  owners.hear(Bun.hash.xxHash64('file-1234').toString(36), 'file', ownerOf('b'), 1, 1000, 3)
  expect(owners.find('file-1234', 2)).toEqual(ownerOf('a'))
  owners.keep('file-1234', 'file', ownerOf('b'), 3, policy, () => false)
  expect(owners.find('file-1234', 4)).toEqual(ownerOf('b'))
})

test('who made it stays known when it is only shown', () => {
  const owners = new Owners()
  const shown = { ...ownerOf('a'), caller: undefined }
  owners.keep('file-1234', 'file', shown, 0, policy)
  owners.keep('file-1234', 'file', ownerOf('a', 'one'), 1, policy)
  owners.keep('file-1234', 'file', shown, 2, policy)
  expect(owners.find('file-1234', 3)).toEqual(ownerOf('a', 'one'))
})

test('other processes are told of uses too, so that they do not forget what is in use', () => {
  const [one, other] = [new Owners(), new Owners()]
  let nowMs = 0
  one.learned = (fact) => {
    if (fact.kind === 'owner') other.hear(fact.key, fact.of, fact.owner, nowMs, fact.forMs, 3)
  }
  one.keep('file-1234', 'file', ownerOf('a'), 0, policy)
  for (; nowMs < 3000; nowMs += 100) one.find('file-1234', nowMs)
  expect(other.find('file-1234', nowMs)).toEqual(ownerOf('a'))
})

test('many answers push out no file that is used seldom', () => {
  const owners = new Owners()
  const limits = { max: 64, ttlMs: 1e9 }
  for (const id of ['file-1', 'file-2', 'file-3']) owners.keep(id, 'file', ownerOf('a'), 0, limits)
  for (let count = 0; count < 1000; count += 1) owners.keep(`resp_${count}`, 'response', ownerOf('a'), 1, limits)
  expect(owners.find('file-2', 2)).toEqual(ownerOf('a'))
  expect([owners.size, owners.find('resp_999', 2), owners.find('resp_9', 2)]).toEqual([64, ownerOf('a'), undefined])
})

test('trim() and drop() forget at once', () => {
  const owners = new Owners()
  for (const id of ['file-1', 'file-2', 'file-3']) owners.keep(id, 'file', ownerOf('a'), 0, policy)
  owners.trim(2)
  expect([owners.size, owners.find('file-1', 1)]).toEqual([2, undefined])
  owners.drop('file-2')
  owners.trim(0)
  expect(owners.size).toBe(0)
})
