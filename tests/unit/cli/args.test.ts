import { describe, expect, test } from 'bun:test'
import { readArgs, textOf, textsOf, type Flags } from '#cli/args.ts'

const flags: Flags = {
  config: { type: 'string', short: 'c', help: '' },
  port: { type: 'string', help: '' },
  'no-color': { type: 'boolean', help: '' },
  header: { type: 'string', short: 'H', repeats: true, help: '' },
  running: { type: 'string', mayBeBare: true, help: '' },
}

describe('readArgs()', () => {
  test.each([
    { args: ['-config', 'x.yaml'] },
    { args: ['--config', 'x.yaml'] },
    { args: ['-config=x.yaml'] },
    { args: ['--config=x.yaml'] },
    { args: ['-c', 'x.yaml'] },
  ])('B75: the config may be named by $args', ({ args }) => {
    const parsed = readArgs(args, flags)
    expect(typeof parsed === 'string' ? parsed : textOf(parsed, 'config')).toBe('x.yaml')
  })

  test('switches take one dash or two', () => {
    const parsed = readArgs(['-no-color'], flags)
    expect(typeof parsed !== 'string' && parsed.values['no-color']).toBe(true)
  })

  test('the last of two counts, with a warning', () => {
    const parsed = readArgs(['-config', 'a', '--config=b'], flags)
    expect(typeof parsed !== 'string' && [textOf(parsed, 'config'), parsed.warnings]).toEqual([
      'b',
      ['--config is given more than once: the last one counts'],
    ])
  })

  test.each([
    { args: ['--confg', 'x'], says: /confg/ },
    { args: ['-config'], says: /config/ },
    { args: ['--no-color=yes'], says: /no-color/ },
  ])('$args is told as a mistake', ({ args, says }) => {
    expect(readArgs(args, flags)).toMatch(says)
  })

  test('a flag that repeats keeps every value, without a warning', () => {
    const parsed = readArgs(['-H', 'a: 1', '--header', 'b: 2', '-header=c: 3'], flags)
    if (typeof parsed === 'string') throw new Error(parsed)
    expect([textsOf(parsed, 'header'), parsed.warnings]).toEqual([['a: 1', 'b: 2', 'c: 3'], []])
    expect(textsOf(parsed, 'config')).toEqual([])
  })

  test.each([
    { args: ['--running'], address: '', words: [] },
    { args: ['-running'], address: '', words: [] },
    { args: ['--running', '-config', 'x.yaml'], address: '', words: [] },
    { args: ['--running', 'new.yaml'], address: '', words: ['new.yaml'] },
    { args: ['--running', 'req_00000000000000000000'], address: '', words: ['req_00000000000000000000'] },
    { args: ['--running', 'http://127.0.0.1:8080', 'x'], address: 'http://127.0.0.1:8080', words: ['x'] },
    { args: ['--running', 'https://gw.example.com'], address: 'https://gw.example.com', words: [] },
    { args: ['--running', 'localhost:8080'], address: 'localhost:8080', words: [] },
    { args: ['--running', ':8080'], address: ':8080', words: [] },
    { args: ['--running', '[::1]:8080'], address: '[::1]:8080', words: [] },
    { args: ['--running', 'unix:/run/x.sock'], address: 'unix:/run/x.sock', words: [] },
    { args: ['--running', 'localhost:8080/'], address: 'localhost:8080/', words: [] },
    { args: ['--running', 'gw:8080/ops'], address: 'gw:8080/ops', words: [] },
    { args: ['--running', 'localhost'], address: 'localhost', words: [] },
    { args: ['--running', '10.0.0.5'], address: '10.0.0.5', words: [] },
    { args: ['--running', '8080'], address: '8080', words: [] },
    { args: ['--running', '019bb6'], address: '', words: ['019bb6'] },
    { args: ['--running', '019384'], address: '', words: ['019384'] },
    { args: ['--running=anything'], address: 'anything', words: [] },
    { args: [], address: undefined, words: [] },
  ])('the address of a flag that may be bare is a word that looks like one: $args', ({ args, address, words }) => {
    const parsed = readArgs(args, flags)
    if (typeof parsed === 'string') throw new Error(parsed)
    expect([textOf(parsed, 'running'), parsed.positionals]).toEqual([address, words])
  })
})
