import { expect, test } from 'bun:test'
import { movedKeysOf } from '#snapshot/compile.ts'
import type { Snapshot } from '#snapshot/snapshot.ts'
import type { NamedConverter } from '#translate/converter/converters.ts'
import { knownCodecs } from '#translate/registry.ts'
import { snapshotOf } from '../../support/compiled.ts'

function snapshotWith(digest: string, url = 'http://odd.test'): Snapshot {
  const converter: NamedConverter = { form: 'converter:parley', profile: {}, digest }
  return snapshotOf(
    {
      converters: ['parley.ts'],
      backends: [
        { name: 'odd', url, converter: 'parley' },
        { name: 'plain', url: 'http://plain.test/v1' },
      ],
      models: {
        m: {
          routes: [
            { backend: 'odd', model: 'x' },
            { backend: 'plain', model: 'x' },
          ],
        },
      },
    },
    { converters: { converters: { byName: new Map([['parley', converter]]), codecs: knownCodecs }, problems: [] } },
  )
}

const odd = JSON.stringify(['odd', 'x'])

test.each<{ name: string; next: Snapshot; moved: string[] }>([
  { name: 'a converter that was changed', next: snapshotWith('2'), moved: [odd] },
  { name: 'another address', next: snapshotWith('1', 'http://new.test'), moved: [odd] },
  { name: 'the same converter', next: snapshotWith('1'), moved: [] },
])('what was learned of a route counts no more behind $name', ({ next, moved }) => {
  expect([...movedKeysOf(snapshotWith('1'), next)]).toEqual(moved)
})
