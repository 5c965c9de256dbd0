// `node node-reads.mjs <origin>`: asks for /0, /1, … with the methods on stdin, one per line, and prints what Node's
// HTTP client understood, a line each.
import { createHash } from 'node:crypto'
import { Agent, request } from 'node:http'
import { readFileSync } from 'node:fs'

const origin = process.argv[2]
const methods = readFileSync(0, 'utf8').split('\n').filter(Boolean)
const lanes = 16
/** Of silence; the origin answers at once. */
const timeout = 5000
const agent = new Agent({ keepAlive: true, maxSockets: lanes })
let next = 0

await Promise.all(Array.from({ length: lanes }, lane))
agent.destroy()

async function lane() {
  while (next < methods.length) {
    const index = next++
    const read = await ask(index, 0)
    process.stdout.write(`${JSON.stringify({ index, ...read })}\n`)
  }
}

/** A connection that the origin closes may be used once more before Node notices; that says nothing of the response. */
async function ask(index, tries) {
  return await new Promise((resolve) => {
    const outgoing = request(`${origin}/${index}`, { method: methods[index], agent, maxHeaderSize: 65_536, timeout })
    outgoing.on('timeout', () => void outgoing.destroy(new Error('timeout')))
    outgoing.on('error', ({ code, message }) => {
      const isStale = outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE') && tries < 5
      resolve(isStale ? ask(index, tries + 1) : { fault: code ?? message })
    })
    outgoing.on('response', (incoming) => {
      const body = []
      incoming.on('data', (bytes) => void body.push(bytes))
      incoming.on('error', ({ code, message }) => resolve({ fault: code ?? message }))
      incoming.on('end', () => {
        const hash = createHash('sha1').update(Buffer.concat(body)).digest('hex')
        resolve({ status: incoming.statusCode, headers: incoming.rawHeaders, hash })
      })
    })
    outgoing.end()
  })
}
