import { expect, test } from 'bun:test'
import { chatBody, names, rawRequest, workloads } from '../../../bench/workloads.ts'

test.each(workloads)('the request of $id is valid JSON of exactly the size it says', (workload) => {
  const body = chatBody(workload)
  const parsed: { model: string; stream?: boolean; messages: { role: string; content: string }[] } = JSON.parse(body)
  expect(Buffer.byteLength(body)).toBe(workload.bodyBytes)
  expect(parsed.model).toBe(names.alias)
  expect(parsed.stream === true).toBe(workload.unit === 'event')
  expect(parsed.messages.every(({ content }) => content.length > 0)).toBe(true)
})

test.each(workloads)(
  'the request of $id is the same each time, and its head tells the length of its body',
  (workload) => {
    const request = rawRequest(workload)
    const [head = '', body = ''] = request.split('\r\n\r\n')
    expect(rawRequest(workload)).toBe(request)
    expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`)
  },
)
