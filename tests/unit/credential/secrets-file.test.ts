import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { findJson5Fault } from '#credential/json5-fault.ts'
import { readSecretsFile, type ReadSecrets } from '#credential/secrets-file.ts'

const claims = ['clientId', 'clientSecret', 'tenant']

/** As in the README of the proxy that this format comes from. */
const sample = `[
    {
        "name": "config1",
        "agent": "simple_agent",
        "appToAccess": "llm-api",
        "clientId": "your-client-id-1",
        "clientSecret": "your-client-secret-1",
        "tenant": "your-tenant-1"
    },
    {
        "name": "config2",
        "agent": "simple_agent",
        "appToAccess": "llm-api",
        "clientId": "your-client-id-2",
        "clientSecret": "your-client-secret-2",
        "tenant": "your-tenant-2"
    }
]
`

function read(text: string, wanted: readonly string[] = claims): ReadSecrets {
  return readSecretsFile(text, wanted, 'config')
}

function faultsOf(text: string): readonly string[] {
  const file = read(text)
  return 'faults' in file ? file.faults : []
}

function namesOf(text: string): readonly string[] {
  const file = read(text)
  return 'entries' in file ? file.entries.map(({ name }) => name) : []
}

describe('readSecretsFile()', () => {
  test('A28, A29: the sample of the original proxy is read without a doubt', () => {
    const file = read(sample)
    expect(file.doubts).toEqual([])
    expect(namesOf(sample)).toEqual(['config1', 'config2'])
    expect('entries' in file && [...(file.entries[1]?.fields ?? [])]).toEqual([
      ['clientId', 'your-client-id-2'],
      ['clientSecret', 'your-client-secret-2'],
      ['tenant', 'your-tenant-2'],
    ])
  })

  test.each([
    {
      row: 'A31',
      name: 'broken JSON',
      text: '[\n  {"clientId": "a",\n   oops }\n]',
      says: ['no JSON: line 3, column 9'],
    },
    { row: 'A31', name: 'an end too early', text: '[{"clientId": "a"', says: ['no JSON: line 1, column 18'] },
    { row: 'A31', name: 'nothing', text: '', says: ['no JSON: line 1, column 1'] },
    {
      row: 'A32',
      name: 'an object',
      text: '{}',
      says: ['no list, write "[" before the first entry and "]" after the last'],
    },
    { row: 'A33', name: 'an empty list', text: '[]', says: ['an empty list, and needs at least one entry'] },
    {
      row: 'A34',
      name: 'an entry without a tenant',
      text: sample.replace('"tenant": "your-tenant-2"', ''),
      says: ['index 1: tenant is missing'],
    },
    {
      row: 'A34',
      name: 'an entry that is no object',
      text: `[5, null, []]`,
      says: [0, 1, 2].map((index) => `index ${index}: not an object`),
    },
    {
      row: 'A35',
      name: 'blank fields and fields that are no text',
      text: '[{"clientId":"  ","clientSecret":5,"tenant":null,"name":[]}]',
      says: [
        'index 0: clientId is blank',
        'index 0: clientSecret is no text, put it in quotes',
        'index 0: tenant is missing',
        'index 0: name is no text, put it in quotes',
      ],
    },
    {
      row: 'A35',
      name: 'a name with a line break',
      text: '[{"clientId":"a","clientSecret":"b","tenant":"c","name":"x\\ny"}]',
      says: ['index 0: name is longer than 200 characters or holds control characters'],
    },
  ])('$row: $name is refused', ({ text, says }) => {
    expect(faultsOf(text)).toEqual(says)
  })

  test('A36: comments, trailing commas and single quotes are accepted', () => {
    const text = `// keys\n[ /* the first */ {clientId: 'a', "clientSecret": "b", tenant: "c",}, ]`
    expect(namesOf(text)).toEqual(['config-a...'])
  })

  test('an entry without a name is called by the beginning of its client id', () => {
    expect(namesOf('[{"clientId":"0123456789","clientSecret":"b","tenant":"c","name":" "}]')).toEqual([
      'config-01234567...',
    ])
  })

  test('A10: an entry that is repeated stays repeated', () => {
    const one = '{"name":"c1","clientId":"a","clientSecret":"b","tenant":"c"}'
    expect(namesOf(`[${one},${one},${one}]`)).toEqual(['c1', 'c1', 'c1'])
  })

  test('fields that mean nothing are told, by their names alone', () => {
    const { doubts } = read('[{"clientId":"a","clientSecret":"b","tenant":"c","clientID":"d","s3cr3t value":"x"}]')
    expect(doubts).toEqual(['index 0: "clientID" means nothing here', 'index 0: a field means nothing here'])
  })

  test('other claims are wanted instead, and the secret always', () => {
    const file = read('[{"app":"x","clientSecret":"b"}]', ['app'])
    expect('entries' in file && [...(file.entries[0]?.fields.keys() ?? [])]).toEqual(['app', 'clientSecret'])
    expect(read('[{"app":"x"}]', ['app'])).toMatchObject({ faults: ['index 0: clientSecret is missing'] })
  })
})

describe('findJson5Fault()', () => {
  test('finds none in what JSON.stringify writes', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 5 }), (text) => expect(findJson5Fault(text)).toBeUndefined()))
  })

  test('agrees with the parser of the platform about texts that were changed at one place', () => {
    const changed = fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...pieces))
    fc.assert(
      fc.property(changed, ([text, at, piece]) => {
        const place = at % (text.length + 1)
        const odd = text.slice(0, place) + piece + text.slice(place + 1)
        // The platform has a limit for these of its own.
        fc.pre(!/0x/i.test(odd))
        expect(findJson5Fault(odd) === undefined).toBe(parses(odd))
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['[1,\r\n 2,\r\n x!]', { line: 3, column: 2 }],
    ['["a\nb"]', { line: 1, column: 2 }],
    ['[1] 2', { line: 1, column: 5 }],
    ['[1] /* never ends', { line: 1, column: 5 }],
    ['{"a" 1}', { line: 1, column: 6 }],
    ['[,]', { line: 1, column: 2 }],
  ])('of %p is at %p', (text, place) => {
    expect(findJson5Fault(text)).toEqual(place)
  })

  test('lists within lists end somewhere', () => {
    expect(findJson5Fault('['.repeat(60_000))).toBeDefined()
  })
})

const pieces = ['{', '}', '[', ']', '"', "'", ',', ':', '\\', 't', 'x', 'n', '1', '.', '-', '/', '*', '\n']

function parses(text: string): boolean {
  try {
    Bun.JSON5.parse(text)
    return true
  } catch {
    return false
  }
}
