import { expect, test } from 'bun:test'
import { Seat, takeSeat } from '#boot/seat.ts'
import { messageVersion, type ToWorker } from '#boot/worker-messages.ts'

/** A worker whose messages and signals the test sends. */
function bench() {
  const before = process.listeners('message')
  const beforeLoss = process.listeners('disconnect')
  const seat = new Seat({ number: 2, of: 3, isFirst: false, ports: undefined })
  const hear = process.listeners('message').find((listener) => !before.includes(listener))
  const lose = process.listeners('disconnect').find((listener) => !beforeLoss.includes(listener))
  let system: ((signal: NodeJS.Signals) => void) | undefined
  const told: string[] = []
  const onSignal = seat.signalsOver({
    onSignal(_signals, handler) {
      system = handler
      return () => void (system = undefined)
    },
  })
  const stop = onSignal(['SIGTERM', 'SIGINT'], (name) => void told.push(name))
  return {
    seat,
    told,
    stop,
    losesStarter: () => lose?.(),
    bySystem: (name: NodeJS.Signals) => system?.(name),
    gets: (message: ToWorker, version = messageVersion) => hear?.({ ...message, version }, undefined),
  }
}

test('an order that comes from the system and from the starter is one, and another one of either is the second', () => {
  const { told, bySystem, gets } = bench()
  bySystem('SIGTERM')
  gets({ kind: 'signal', name: 'SIGTERM' })
  expect(told).toEqual(['SIGTERM'])
  gets({ kind: 'signal', name: 'SIGINT' })
  bySystem('SIGINT')
  expect(told).toEqual(['SIGTERM', 'SIGINT'])
})

test('a listener that was taken back hears nothing, neither do others of what they did not ask for', () => {
  const { told, stop, bySystem, gets } = bench()
  gets({ kind: 'signal', name: 'SIGHUP' })
  stop()
  bySystem('SIGTERM')
  gets({ kind: 'signal', name: 'SIGTERM' })
  expect(told).toEqual([])
})

test('only an order of the starter says that all of them stop', () => {
  const { seat, bySystem, gets } = bench()
  bySystem('SIGTERM')
  gets({ kind: 'signal', name: 'SIGHUP' })
  expect(seat.areAllStopping).toBe(false)
  gets({ kind: 'signal', name: 'SIGTERM' })
  expect(seat.areAllStopping).toBe(true)
})

test('F96: an order to stop is understood whatever the version of whoever gives it, and nothing else is', () => {
  const { seat, told, gets } = bench()
  let leads = false
  seat.onLead(() => (leads = true))
  gets({ kind: 'lead' }, messageVersion + 1)
  gets({ kind: 'signal', name: 'SIGTERM' }, messageVersion + 1)
  expect([leads, told]).toEqual([false, ['SIGTERM']])
})

test('the loss of the starter is an order to stop, and not the second one of those that drain already', () => {
  const lost = bench()
  lost.losesStarter()
  expect(lost.told).toEqual(['SIGTERM'])
  const draining = bench()
  draining.gets({ kind: 'signal', name: 'SIGTERM' })
  draining.losesStarter()
  expect(draining.told).toEqual(['SIGTERM'])
  draining.bySystem('SIGTERM')
  draining.bySystem('SIGTERM')
  expect(draining.told).toEqual(['SIGTERM', 'SIGTERM'])
})

test('whoever is to work for all begins at once or when it is told, and tells what all of them see', () => {
  const { seat, gets } = bench()
  const done: string[] = []
  const log = seat.once({ keeps: () => true, write: (_level, event) => void done.push(event) })
  log.write('info', 'config_reloaded')
  seat.onLead(() => done.push('works'))
  gets({ kind: 'lead' })
  log.write('info', 'config_reloaded')
  seat.onLead(() => done.push('works at once'))
  expect(done).toEqual(['works', 'config_reloaded', 'works at once'])
})

test('a variable alone makes no worker', () => {
  expect(takeSeat({ LLM_PROXY_WORKER: '{"number":1}' })).toBeUndefined()
  expect(takeSeat({})).toBeUndefined()
})
