import type { JsonObject } from '#kit/json-value.ts'
import type { AnswerContext } from '#translate/codec.ts'
import type { Choice, CommonResponse, TokenLogprob } from '#translate/common.ts'
import { argsText } from '#translate/tool-args.ts'
import { endOf, headOf, isGenerate, showsThoughts, writeCall, writeLogprobs } from './answer-words.ts'

export function writeBody(response: CommonResponse, context: AnswerContext): JsonObject {
  const [choice] = response.choices
  const said = saidBy(choice, context)
  const thinking = showsThoughts(context) ? said.thinking : ''
  const thoughts = thinking === '' ? {} : { thinking }
  const logprobs = said.logprobs.length === 0 ? {} : { logprobs: writeLogprobs(said.logprobs) }
  const head = headOf(response.createdAt, context)
  const end = endOf(choice?.finish, response.usage, said.length, context)
  const [image] = said.images
  if (isGenerate(context)) {
    if (said.calls.length > 0) context.notes?.lose('dropped:answer_field', 'tool_calls')
    if (said.images.length > 1) context.notes?.lose('dropped:answer_field', 'images')
    return { ...head, response: said.text, ...thoughts, ...(image === undefined ? {} : { image }), ...end, ...logprobs }
  }
  const message = {
    role: 'assistant',
    content: said.text,
    ...thoughts,
    ...(said.images.length === 0 ? {} : { images: said.images }),
    ...(said.calls.length === 0 ? {} : { tool_calls: said.calls }),
  }
  return { ...head, message, ...end, ...logprobs }
}

interface Said {
  text: string
  thinking: string
  /** Of all that was said. */
  length: number
  readonly images: string[]
  readonly calls: JsonObject[]
  readonly logprobs: TokenLogprob[]
}

function saidBy(choice: Choice | undefined, { notes }: AnswerContext): Said {
  const said: Said = { text: '', thinking: '', length: 0, images: [], calls: [], logprobs: [] }
  for (const part of choice?.parts ?? []) {
    switch (part.kind) {
      case 'text':
        said.text += part.text
        for (const token of part.logprobs ?? []) said.logprobs.push(token)
        if (part.annotations !== undefined) notes?.lose('dropped:citations')
        break
      case 'refusal':
        said.text += part.text
        break
      case 'reasoning':
        said.thinking += part.text
        break
      case 'tool_call':
        if (part.isVoid === true) break
        said.calls.push(writeCall(part, said.calls.length))
        said.length += argsText(part.args).length
        break
      case 'media':
        // It has no word for sound, but for what was spoken.
        if (part.medium === 'image' && 'base64' in part.source) said.images.push(part.source.base64)
        else if (part.transcript === undefined) notes?.lose('dropped:answer_field', part.medium)
        else said.text += part.transcript
        break
      // Nothing that a client of this form could read.
      case 'tool_result':
      case 'native':
        break
    }
  }
  if (said.text === '' && choice?.finish.reason === 'content_filter') said.text = choice.finish.explanation ?? ''
  said.length += said.text.length + said.thinking.length
  return said
}
