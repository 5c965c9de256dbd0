import type { Message } from '#translate/common.ts'
import { inOrder, splitSystem } from '#translate/history.ts'
import type { Block } from './cache-points.ts'
import { cacheBehind, isClaude, type RequestWriting } from './request-writing.ts'
import { BlockWriter, textBlock } from './write-blocks.ts'

/** `messages` and `system` of a request. */
export interface WrittenMessages {
  readonly messages: readonly WrittenMessage[]
  readonly system: Block[]
  /** Names, as sent, of all tools that were called. */
  readonly calledTools: ReadonlySet<string>
}

export interface WrittenMessage {
  readonly role: 'user' | 'assistant'
  readonly content: Block[]
}

/** User and assistant take turns, results first; what says nothing is left out, since blank texts are refused. */
export function writeMessages(writing: RequestWriting): WrittenMessages {
  const { request, target, notes } = writing
  const { policy, profile } = target
  const split = splitSystem(request.messages, false, policy.inlineSystem, notes)
  const writer = new BlockWriter(writing)
  const messages: WrittenMessage[] = []
  const system = writeSystem(split.system, writing)
  // Some models know no system text; the user says it then.
  if (profile.systemRole === 'user' && system.length > 0) {
    messages.push({ role: 'user', content: system.splice(0) })
  }
  for (const message of inOrder(split.talk, policy.repairsHistory, notes))
    writeMessage(message, writer, messages, writing)
  const first = messages[0]
  if (first?.role === 'assistant' && profile.mustStartWithUser) {
    notes.adapt('adapted:turn_inserted')
    messages.unshift({ role: 'user', content: [{ text: 'Continue.' }] })
  }
  finishPrefill(messages, writing)
  return { messages, system, calledTools: writer.calledTools }
}

function writeMessage(
  message: Message,
  writer: BlockWriter,
  messages: WrittenMessage[],
  { notes }: RequestWriting,
): void {
  if (message.name !== undefined) notes.drop('dropped:message_name')
  const role = message.role === 'assistant' ? 'assistant' : 'user'
  const last = messages.at(-1)
  const content = last?.role === role ? last.content : []
  writer.write(message.parts, content)
  if (content.length > 0 && last?.role !== role) messages.push({ role, content })
}

function writeSystem(system: readonly Message[], writing: RequestWriting): Block[] {
  const { notes, target } = writing
  const blocks: Block[] = []
  for (const { parts } of system) {
    for (const part of parts) {
      if (part.kind !== 'text') notes.reject('system', `${part.kind} in system messages is not supported`)
      else {
        const block = textBlock(part.text)
        if (block !== undefined) blocks.push(block)
        cacheBehind(writing, 'system', blocks, part.cache)
      }
    }
  }
  if (!target.profile.wantsSingleSystem || blocks.length < 2) return blocks
  return [{ text: blocks.flatMap((block) => (typeof block['text'] === 'string' ? block['text'] : [])).join('\n\n') }]
}

/** An answer that was begun: some go on with it, and none may end in white space. */
function finishPrefill(messages: WrittenMessage[], { notes, target, request }: RequestWriting): void {
  const last = messages.at(-1)
  if (last?.role !== 'assistant' || messages.length === 0) return
  if (!target.profile.takesPrefill) {
    notes.adapt('adapted:prefill')
    // Newer Claude refuses it; who speaks Claude's own form knows that.
    if (isClaude(target) && request.form !== 'messages')
      messages.push({ role: 'user', content: [{ text: 'Continue.' }] })
    return
  }
  const block = last.content.at(-1)
  if (typeof block?.['text'] === 'string') block['text'] = block['text'].trimEnd()
}
