import { describe, expect, test } from 'bun:test'
import { encode } from '#kit/bytes.ts'
import type { BodySink, TransportFailure } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import { BrokenBody, rewritten, unreadable, type Rewriter } from '#translate/translated-body.ts'
import { HandBody } from '../../support/hand-body.ts'

/** Makes upper case of what comes, nothing of `-`, and ends at `!`; `x` cannot be read. */
class Upper implements Rewriter {
  isOver = false
  failure: TransportFailure | undefined

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const text = new TextDecoder().decode(chunk)
    if (text === 'throw') throw new Error('a bug')
    if (text === 'x') this.failure = unreadable('cannot read x')
    if (text.endsWith('!')) this.isOver = true
    return text === '-' || text === 'x' ? [] : text.split(',').map((piece) => encode(piece.toUpperCase()))
  }

  end(): readonly Uint8Array[] {
    return [encode('END')]
  }
}

class Log implements BodySink {
  readonly said: string[] = []

  onPiece(bytes: Uint8Array): void {
    this.said.push(new TextDecoder().decode(bytes))
  }

  onEnd(): void {
    this.said.push('(end)')
  }

  onBreak(failure: TransportFailure): void {
    this.said.push(`(${failure.cause}: ${failure.message})`)
  }
}

const textOf = (step: Uint8Array | 'end' | TransportFailure): string =>
  step === 'end' ? '(end)' : step instanceof Uint8Array ? new TextDecoder().decode(step) : `(${step.message})`

describe('rewritten()', () => {
  test('what is there as a whole stays a whole', () => {
    const body = rewritten(new WholeBody(encode('abc')), new Upper())
    expect(textOf(body.whole ?? new Uint8Array())).toBe('ABCEND')
    const over = rewritten(new WholeBody(encode('abc!')), new Upper())
    expect(textOf(over.whole ?? new Uint8Array())).toBe('ABC!')
  })

  test('a whole that cannot be read breaks', async () => {
    const body = rewritten(new WholeBody(encode('x')), new Upper())
    expect(body.whole).toBeUndefined()
    expect(textOf(await body.read())).toBe('(cannot read x)')
    const thrown = rewritten(new WholeBody(encode('throw')), new Upper())
    expect(textOf(await thrown.read())).toBe('(its answer cannot be translated: a bug)')
  })

  test('a read goes on until there is something to give, piece by piece', async () => {
    const hand = new HandBody(['-', '-', 'a,b', 'c'])
    const body = rewritten(hand, new Upper())
    hand.end()
    const steps = [await body.read(), await body.read(), await body.read(), await body.read(), await body.read()]
    expect(steps.map(textOf)).toEqual(['A', 'B', 'C', 'END', '(end)'])
    expect(textOf(await body.read())).toBe('(end)')
  })

  test('it flows behind what was read, at the pace of who takes it', async () => {
    const hand = new HandBody(['a,b'])
    const body = rewritten(hand, new Upper())
    expect(textOf(await body.read())).toBe('A')
    const log = new Log()
    body.flow(log)
    expect(log.said).toEqual(['B'])
    hand.piece('-')
    hand.piece('c')
    body.pause()
    body.resume()
    hand.end()
    // An empty piece tells that the upstream is alive.
    expect(log.said).toEqual(['B', '', 'C', 'END', '(end)'])
    expect(hand.asked).toEqual(['pause', 'resume'])
  })

  test('what a read still waits for goes to the sink', async () => {
    const hand = new HandBody()
    const body = rewritten(hand, new Upper())
    void body.read()
    const log = new Log()
    body.flow(log)
    hand.piece('late')
    await Promise.resolve()
    await Promise.resolve()
    expect(log.said).toEqual(['LATE'])
    hand.piece('more')
    expect(log.said).toEqual(['LATE', 'MORE'])
  })

  test('a break of the upstream is passed on as it is', async () => {
    const hand = new HandBody()
    const body = rewritten(hand, new Upper())
    const log = new Log()
    body.flow(log)
    hand.piece('a')
    hand.break()
    expect(log.said).toEqual(['A', '(reset: it broke)'])
    const early = new HandBody()
    early.break('timeout')
    expect(textOf(await rewritten(early, new Upper()).read())).toBe('(it broke)')
  })

  test.each([
    { name: 'the rewriter is over', piece: 'last!', said: ['LAST!', '(end)'] },
    { name: 'nothing can be made of it', piece: 'x', said: ['(malformed: cannot read x)'] },
    { name: 'the rewriter throws', piece: 'throw', said: ['(malformed: its answer cannot be translated: a bug)'] },
  ])('the upstream is given up when $name, flowing or read', async ({ piece, said }) => {
    const flowing = new HandBody()
    const log = new Log()
    rewritten(flowing, new Upper()).flow(log)
    flowing.piece(piece)
    flowing.piece('more')
    flowing.end()
    expect(log.said).toEqual([...said])
    expect(flowing.asked).toEqual(['cancel'])

    const read = new HandBody([piece])
    const body = rewritten(read, new Upper())
    const steps: string[] = []
    for (const _ of said) steps.push(textOf(await body.read()))
    expect(steps).toEqual(said.map((text) => text.replace('malformed: ', '')))
    expect(read.asked).toEqual(['cancel'])
  })

  test('cancelled, it hands nothing over any more', async () => {
    const hand = new HandBody()
    const body = rewritten(hand, new Upper())
    const waiting = body.read()
    body.cancel()
    expect(textOf(await waiting)).toBe('(the body was not wanted any more)')
    const log = new Log()
    const other = new HandBody()
    const flowing = rewritten(other, new Upper())
    flowing.flow(log)
    flowing.cancel()
    other.piece('a')
    other.end()
    expect(log.said).toEqual([])
    expect(other.asked).toEqual(['cancel'])
  })
})

test('BrokenBody gives the upstream’s body up, and tells why', async () => {
  const hand = new HandBody()
  const log = new Log()
  new BrokenBody(unreadable('why'), hand).flow(log)
  expect(log.said).toEqual(['(malformed: why)'])
  expect(hand.asked).toEqual(['cancel'])
})
