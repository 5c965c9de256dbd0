import { createServer, type Socket } from 'node:net'
import { seededRandom } from '#ports/random.ts'
import { randomPieces, randomResponse, type RandomResponse } from './random-response.ts'

/** Serves responses made by chance on loopback: the path `/17` is answered by the 17th, often in many pieces. */
export interface ResponseOrigin extends AsyncDisposable {
  readonly url: URL
  /** The response that the path of this number is answered by; it must be asked for with its own method. */
  response(index: number): RandomResponse
}

export async function responseOrigin(seed: number): Promise<ResponseOrigin> {
  const response = (index: number): RandomResponse => randomResponse(seededRandom(seed + index), { isExotic: false })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    let unread = ''
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => void sockets.delete(socket))
    socket.on('data', (bytes) => {
      unread += bytes.toString('latin1')
      const end = unread.indexOf('\r\n\r\n')
      if (end === -1) return
      const index = Number(/^[A-Z]+ \/(\d+) /.exec(unread)?.[1])
      unread = unread.slice(end + 4)
      const { text, outcome } = response(index)
      const whole = Buffer.from(text, 'latin1')
      for (const piece of index % 4 === 0 ? randomPieces(whole, seededRandom(index)) : [whole]) socket.write(piece)
      if (outcome.ending !== 'reusable') socket.end()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Cannot tell the port: the origin has none')
  return {
    url: new URL(`http://127.0.0.1:${address.port}`),
    response,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
