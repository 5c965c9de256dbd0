import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Faults } from '#boot/faults.ts'
import type { LogFields } from '#ports/log.ts'
import { FakeClock } from '../../support/fake-clock.ts'

interface Line {
  readonly event: string
  readonly fields: LogFields
}

function watched(): { readonly faults: Faults; readonly clock: FakeClock; readonly lines: Line[] } {
  const clock = new FakeClock()
  const lines: Line[] = []
  const log = {
    write: (_: string, event: string, fields: LogFields = {}) => void lines.push({ event, fields }),
    keeps: () => true,
  }
  return { faults: new Faults(clock, log), clock, lines }
}

describe('H11, F92: what nobody caught', () => {
  test.each([
    { how: 'watched', exitCode: 0 },
    { how: 'unwatched', exitCode: 1 },
  ])('ends a process that is $how with $exitCode', async ({ how, exitCode }) => {
    const program = join(import.meta.dir, '../../programs/fault-prone.ts')
    const child = Bun.spawn([process.execPath, program, how], { stdout: 'pipe', stderr: 'ignore' })
    const output = await new Response(child.stdout).text()
    expect(await child.exited).toBe(exitCode)
    if (how === 'unwatched') return
    const told = Array.from({ length: 3 }, () => 'error unhandled_error')
    expect(JSON.parse(output)).toEqual({ count: 3, told })
  })

  test('is counted, and told with its stack', () => {
    const { faults, lines } = watched()
    const mistake = new Error('it broke')
    faults.take(mistake)
    expect(faults.count).toBe(1)
    expect(lines).toEqual([{ event: 'unhandled_error', fields: { reason: 'it broke', stack: mistake.stack } }])
  })

  test.each([
    { thrown: 'a text', reason: 'a text' },
    { thrown: undefined, reason: 'undefined' },
    { thrown: new TypeError(), reason: 'TypeError' },
  ])('is told whatever was thrown: $reason', ({ thrown, reason }) => {
    const { faults, lines } = watched()
    faults.take(thrown)
    expect(lines.map(({ fields }) => fields['reason'])).toEqual([reason])
  })

  test('is told once in ten seconds for each message, and then how often it came', async () => {
    const { faults, clock, lines } = watched()
    for (let turn = 0; turn < 5; turn += 1) faults.take(new Error('again'))
    faults.take(new Error('another'))
    expect(lines.map(({ fields }) => fields['reason'])).toEqual(['again', 'another'])
    await clock.advance(10_000)
    faults.take(new Error('again'))
    expect(lines.at(-1)?.fields).toMatchObject({ reason: 'again', times: 5 })
    expect(faults.count).toBe(7)
  })

  test('is told loudly when it comes more than a hundred times in ten seconds, once for each time', async () => {
    const { faults, clock, lines } = watched()
    const loud = (): Line[] => lines.filter(({ event }) => event === 'unhandled_errors')
    for (let turn = 0; turn < 100; turn += 1) faults.take(new Error('again'))
    expect(loud()).toEqual([])
    for (let turn = 0; turn < 100; turn += 1) faults.take(new Error('again'))
    expect(loud().map(({ fields }) => fields)).toEqual([{ count: 101, withinMs: 10_000, inAll: 101 }])
    await clock.advance(10_000)
    for (let turn = 0; turn < 101; turn += 1) faults.take(new Error('again'))
    expect(loud()).toHaveLength(2)
  })

  test('fills neither the log nor the memory when every message is another one', async () => {
    const { faults, clock, lines } = watched()
    for (let turn = 0; turn < 5000; turn += 1) faults.take(new Error(`mistake ${turn}`))
    expect(lines.filter(({ event }) => event === 'unhandled_error')).toHaveLength(100)
    expect(faults.count).toBe(5000)
    await clock.advance(10_000)
    faults.take(new Error('a new one'))
    expect(lines.at(-1)?.fields['reason']).toBe('a new one')
  })

  test('does no more harm when even telling it fails', () => {
    const log = {
      write() {
        throw new Error('no log')
      },
      keeps: () => true,
    }
    const faults = new Faults(new FakeClock(), log)
    faults.take(new Error('it broke'))
    expect(faults.count).toBe(2)
  })
})
