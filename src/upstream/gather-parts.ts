import { concat } from '#kit/bytes.ts'
import type { Stop } from '#kit/stop.ts'
import type { IncomingResponse } from '#ports/transport.ts'
import { WholeBody } from '#ports/whole-body.ts'
import type { Parts } from '#translate/asked.ts'
import { BrokenBody, unreadable } from '#translate/translated-body.ts'
import { isGood, PartLine, unwanted, type AskPart, type Came } from './part-line.ts'

/** Limit: bytes of all answers to the requests of one try that are no streams; they are in memory until all are there. */
const bytesMax = 134_217_728

/** All of the requests, and their answers in one; or the first of them that was not good, which stands for all. */
export async function gatherParts(parts: Parts, ask: AskPart, stop: Stop): Promise<Came> {
  const line = new PartLine(parts, stop)
  const { promise, resolve } = Promise.withResolvers<Came>()
  const pieces: Uint8Array[] = []
  let bytes = 0
  let last: IncomingResponse | undefined
  let count = 0
  const end = (came: Came): void => {
    resolve(came)
    // Nothing of the others is wanted any more.
    stop.ask()
  }
  const work = async (): Promise<void> => {
    for (let index = line.take(); index !== undefined; index = line.take()) {
      const came = await ask(index)
      line.left()
      if (stop.isAsked) {
        if (came.kind === 'response') came.body.cancel()
        return resolve(unwanted)
      }
      if (line.mayWait(index, came)) return
      const told = came.kind === 'response' ? parts.answer(came, index) : came
      if (told.kind !== 'response' || !isGood(told) || told.body.whole === undefined || parts.lacks(index)) {
        return end(told)
      }
      bytes += came.kind === 'response' ? (came.body.whole?.byteLength ?? 0) : 0
      if (bytes > bytesMax) return end({ ...told, body: new BrokenBody(tooLarge) })
      pieces.push(told.body.whole)
      last = told
      count++
    }
  }
  const works = Array.from({ length: line.width }, work)
  const all = Promise.all(works).then((): Came => {
    // The last to come knows best what is left of the backend's limits.
    return last === undefined || count < parts.count ? unwanted : { ...last, body: new WholeBody(concat(pieces)) }
  })
  try {
    return await Promise.race([promise, all])
  } finally {
    stop.ask()
  }
}

const tooLarge = unreadable('its answers are too large to be put together')
