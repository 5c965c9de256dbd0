import { describe, expect, test } from 'bun:test'
import { readArgs, textOf, type Flags } from '#cli/args.ts'

const flags: Flags = {
  config: { type: 'string', short: 'c', help: '' },
  port: { type: 'string', help: '' },
  'no-color': { type: 'boolean', help: '' },
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
})
