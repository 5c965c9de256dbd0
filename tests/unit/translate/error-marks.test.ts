import { describe, expect, test } from 'bun:test'
import type { Form } from '#core/talk.ts'
import { withErrorMark } from '#translate/error-mark.ts'
import type { ToolResultPart } from '#translate/common.ts'
import { Notes } from '#translate/notes.ts'
import { knownCodecs } from '#translate/registry.ts'
import { commonRequest, said, targetFor } from '../../support/common-request.ts'

const call = {
  kind: 'tool_call',
  id: 'call_1',
  name: 'f',
  args: { value: {} },
  isCustom: false,
  tool: 'function',
} as const

function failed(text: string): ToolResultPart {
  const parts = text === '' ? [] : [{ kind: 'text', text } as const]
  return { kind: 'tool_result', callId: 'call_1', name: 'f', parts, isError: true, isCustom: false }
}

async function sentBy(form: Form, text: string): Promise<object> {
  const backend = await knownCodecs.backend(form)
  if (backend === undefined) throw new Error(`nobody speaks ${form}`)
  const request = commonRequest({
    form: 'messages',
    messages: [said('user', 'q'), said('assistant', call), said('user', failed(text))],
    tools: [{ kind: 'function', name: 'f', schema: undefined }],
  })
  return backend.writeRequest(request, targetFor(form, 'any', 'm'), new Notes()).body
}

/** Forms that have no flag for a failed call. */
const markers = ['chat', 'responses', 'ollama', 'cohere', 'converse'] as const

describe('§5.6: that a call failed is told by the first word of its result', () => {
  test.each(markers)('a backend of %s finds one mark in front, whatever the text begins with', async (form) => {
    expect(JSON.stringify(await sentBy(form, 'no such file'))).toContain('"Error: no such file"')
    expect(JSON.stringify(await sentBy(form, 'Error in line 3'))).toContain('"Error: Error in line 3"')
    expect(JSON.stringify(await sentBy(form, 'error: lower case'))).toContain('"Error: error: lower case"')
    expect(JSON.stringify(await sentBy(form, 'Error: known'))).toContain('"Error: known"')
    expect(JSON.stringify(await sentBy(form, 'Errors: two'))).toContain('"Error: Errors: two"')
  })

  test.each(['chat', 'responses', 'ollama'] as const)('and a client of %s tells it back as it was', async (form) => {
    for (const text of ['no such file', 'Error in line 3', 'error: x', 'ERROR', 'Error:tight', '']) {
      const [client, body] = [await knownCodecs.client(form), await sentBy(form, text)]
      const facts = { path: '', query: '', headers: new Headers(), model: 'm', stream: false }
      const read = client?.readRequest({ ...body }, facts, new Notes())
      const results = read?.messages.flatMap(({ parts }) => parts.filter((part) => part.kind === 'tool_result'))
      const [part] = results?.[0]?.parts ?? []
      expect({ text, isError: results?.[0]?.isError }).toEqual({ text, isError: true })
      expect(part?.kind === 'text' ? part.text : '').toBe(text === '' ? (part?.kind === 'text' ? part.text : '') : text)
    }
  })

  test('a mark that is there is not put again', () => {
    expect(withErrorMark(withErrorMark('x'))).toBe('Error: x')
  })
})
