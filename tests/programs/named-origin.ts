// A process of its own: an upstream that tells its name. It is well at `/health`, lists one model, and answers everything
// else with its name. Prints its port, then a line for each request; ends with its parent.
import { argv } from 'node:process'

const [name = 'nobody', port = '0'] = argv.slice(2)

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  async fetch(request) {
    const { pathname } = new URL(request.url)
    process.stdout.write(`${request.method} ${pathname}\n`)
    if (pathname === '/health') return new Response('ok')
    if (pathname.endsWith('/models')) return Response.json({ object: 'list', data: [{ id: 'up' }] })
    await request.arrayBuffer()
    return Response.json({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'up',
      choices: [{ index: 0, message: { role: 'assistant', content: name }, finish_reason: 'stop' }],
    })
  },
})
process.stdout.write(`listening on ${server.port}\n`)
// Whoever started it holds the other end of this pipe.
for await (const _ of Bun.stdin.stream()) continue
process.exit(0)
