import { describe, expect, test } from 'bun:test'
import { isRejection } from '#translate/notes.ts'
import { askedAs, mainBackends, mainForms, type MainForm } from '../support/dialect-asking.ts'
import { askings } from '../support/dialect-requests.ts'
import { golden } from '../support/dialect-golden.ts'

/** What a backend is sent, and what is told about it; or why it is sent nothing. */
async function sentTo(from: MainForm, to: MainForm, body: object, stream: boolean): Promise<string> {
  const asked = await askedAs(from, mainBackends[to], body, stream)
  if (isRejection(asked)) return `rejected ${asked.field}: ${asked.message}`
  const { call, warnings } = asked
  const query = call.query === '' ? '' : `?${call.query}`
  const notes = warnings.fields.map(([code, field]) => `${code} ${field}`.trim())
  return [`${call.path}${query}`, new TextDecoder().decode(call.body), ...notes].join('\n')
}

// `UPDATE=1 bun test tests/wire` writes the expectations anew; read the difference.
describe.each(mainForms)('a request of a %s client', (from) => {
  test.each(mainForms.filter((to) => to !== from))('is told to a %s backend as its golden file has it', async (to) => {
    const told: [string, string][] = []
    for (const [name, asking] of Object.entries(askings)) {
      const body = asking[from]
      if (body === undefined) continue
      const sent = await sentTo(from, to, body, name.endsWith('streamed'))
      expect(await sentTo(from, to, body, name.endsWith('streamed'))).toBe(sent)
      told.push([name, sent])
    }
    expect(told.length).toBeGreaterThanOrEqual(25)
    golden(`${from}-to-${to}`, told)
  })
})
