import { describe, expect, test } from 'bun:test'
import { StreamBody, type StreamOwner } from '#ports/stream-body.ts'
import type { TransportFailure } from '#ports/transport.ts'
import { Collector } from '../../support/body.ts'
import { settled } from '../../support/fake-clock.ts'

const reset: TransportFailure = { kind: 'transport_failure', phase: 'body', cause: 'reset', message: 'it broke' }
const aborted: TransportFailure = { ...reset, cause: 'aborted', message: 'given up' }

/** A body whose source is driven by hand; `pulls` counts how often it was asked for more. */
async function handDriven() {
  const state = { pulls: 0, cancels: 0, releases: 0, explained: undefined as unknown }
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (own) => void (controller = own),
      pull: () => void (state.pulls += 1),
      cancel: () => void (state.cancels += 1),
    },
    { highWaterMark: 0 },
  )
  // A stream asks for nothing before it has started.
  await settled()
  const owner: StreamOwner = {
    explain: (error) => ((state.explained = error), reset),
    release: () => void (state.releases += 1),
  }
  return {
    state,
    body: new StreamBody(stream, owner),
    give: (text: string) => controller?.enqueue(Buffer.from(text)),
    end: () => controller?.close(),
    break: (error: unknown) => controller?.error(error),
  }
}

function textOf(step: unknown): unknown {
  return step instanceof Uint8Array ? Buffer.from(step).toString() : step
}

describe('read()', () => {
  test('gives one piece after the other, then the end again and again', async () => {
    const { body, give, end, state } = await handDriven()
    const first = body.read()
    give('a')
    expect(textOf(await first)).toBe('a')
    const second = body.read()
    end()
    expect([await second, await body.read()]).toEqual(['end', 'end'])
    expect(state.releases).toBe(1)
  })

  test('skips pieces without bytes', async () => {
    const { body, give } = await handDriven()
    const first = body.read()
    give('')
    await settled()
    give('a')
    expect(textOf(await first)).toBe('a')
  })

  test('gives what its owner makes of an error', async () => {
    const broken = await handDriven()
    const first = broken.body.read()
    broken.break('oops')
    expect([await first, await broken.body.read()]).toEqual([reset, reset])
    expect(broken.state).toMatchObject({ explained: 'oops', releases: 1 })
  })

  test('is told at once that the body was cancelled', async () => {
    const { body, state } = await handDriven()
    const first = body.read()
    body.cancel()
    expect(await first).toMatchObject({ phase: 'body', cause: 'aborted' })
    expect(state).toMatchObject({ cancels: 1, releases: 1 })
  })
})

describe('flow()', () => {
  test('asks for the next piece when it has handed one over', async () => {
    const { body, give, end, state } = await handDriven()
    const sink = new Collector()
    body.flow(sink)
    expect(state.pulls).toBe(1)
    give('a')
    await settled()
    expect([sink.text, state.pulls]).toEqual(['a', 2])
    end()
    expect(await sink.ended).toBe('end')
  })

  test('asks for nothing while it is paused', async () => {
    const { body, give, state } = await handDriven()
    const sink = new Collector()
    body.pause()
    body.flow(sink)
    await settled()
    expect(state.pulls).toBe(0)
    body.resume()
    body.resume()
    expect(state.pulls).toBe(1)
    body.pause()
    give('a')
    await settled()
    expect([sink.text, state.pulls]).toEqual(['a', 1])
  })

  test('heeds a pause in the middle of a piece', async () => {
    const { body, give, state } = await handDriven()
    const sink = new Collector()
    const onPiece = sink.onPiece.bind(sink)
    sink.onPiece = (bytes) => (onPiece(bytes), body.pause())
    body.flow(sink)
    give('a')
    await settled()
    expect(state.pulls).toBe(1)
  })

  test('takes over what a read still waits for', async () => {
    const { body, give, state } = await handDriven()
    void body.read()
    const sink = new Collector()
    body.flow(sink)
    expect(state.pulls).toBe(1)
    give('a')
    await settled()
    expect(sink.text).toBe('a')
  })

  test('tells a sink that comes late how the body ended', async () => {
    const { body, break: fail } = await handDriven()
    const first = body.read()
    fail('oops')
    await first
    const sink = new Collector()
    body.flow(sink)
    expect(await sink.ended).toEqual(reset)
  })

  test('tells of a break from outside at once, even while it is paused, and of nothing after it', async () => {
    const { body, give, break: fail, state } = await handDriven()
    const sink = new Collector()
    body.flow(sink)
    body.pause()
    body.breakOff(aborted)
    expect(await sink.ended).toEqual(aborted)
    give('a')
    fail('oops')
    await settled()
    expect([sink.text, state.releases]).toEqual(['', 1])
  })

  test('hands over nothing once the body was cancelled', async () => {
    const { body, give, state } = await handDriven()
    const sink = new Collector()
    body.flow(sink)
    give('a')
    body.cancel()
    body.cancel()
    body.resume()
    await settled()
    expect([sink.text, state.cancels, state.releases]).toEqual(['', 1, 1])
    const late = new Collector()
    body.flow(late)
    let hasEnded = false
    void late.ended.then(() => (hasEnded = true))
    await settled()
    expect(hasEnded).toBe(false)
  })
})
