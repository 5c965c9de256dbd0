// Makes mistakes that nobody catches, and goes on; see tests/unit/boot/faults.test.ts. With "unwatched" nobody watches.
import { Faults } from '#boot/faults.ts'
import { systemClock } from '#ports/clock.ts'

const told: string[] = []
const log = { write: (level: string, event: string) => void told.push(`${level} ${event}`), keeps: () => true }
const faults = new Faults(systemClock, log)
if (process.argv[2] !== 'unwatched') faults.watch()

void Promise.reject(new Error('a rejection'))
setTimeout(() => {
  throw new Error('in a timer')
})
queueMicrotask(() => {
  throw new TypeError('in a microtask')
})
await Bun.sleep(50)
console.log(JSON.stringify({ count: faults.count, told }))
