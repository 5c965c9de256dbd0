import type { Target } from '#translate/codec.ts'
import type { CommonRequest, Message } from '#translate/common.ts'
import { inOrder, splitSystem } from '#translate/history.ts'
import type { Notes } from '#translate/notes.ts'
import { PartWriter } from './write-parts.ts'
import type { ToolPlan } from './write-tools.ts'
import type { Block, WrittenMessage } from './written.ts'

export interface Talk {
  readonly system: Block[]
  readonly messages: readonly WrittenMessage[]
}

/** `instruction`: how the answer must look, where it cannot be asked for otherwise. */
export function writeTalk(
  request: CommonRequest,
  target: Target,
  tools: ToolPlan,
  instruction: string | undefined,
  notes: Notes,
): Talk {
  const { profile, policy } = target
  const { system, talk } = splitSystem(request.messages, profile.takesInlineSystem, policy.inlineSystem, notes)
  const parts = new PartWriter(request, target, tools, notes)
  const systemBlocks = system.flatMap((message) => parts.system(message))
  if (instruction !== undefined) systemBlocks.push({ type: 'text', text: instruction })
  const messages: WrittenMessage[] = []
  for (const message of inOrder(talk, policy.repairsHistory, notes)) {
    add(messages, roleOf(message), parts, message, request.form === 'messages')
  }
  begin(messages, profile.mustStartWithUser, notes)
  endWithUser(messages, request, profile.takesPrefill, notes)
  return { system: profile.wantsSingleSystem ? joined(systemBlocks) : systemBlocks, messages }
}

function roleOf({ role }: Message): WrittenMessage['role'] {
  return role === 'developer' ? 'system' : role
}

/** A turn of which nothing is left is left out, and neighbours of one role become one, as Anthropic itself would read them. */
function add(
  messages: WrittenMessage[],
  role: WrittenMessage['role'],
  parts: PartWriter,
  message: Message,
  isOwn: boolean,
): void {
  const content = parts.blocks(message)
  // Behind a last thought Anthropic wants to see what came of it.
  if (role === 'assistant' && !isOwn) while (isThought(content.at(-1))) content.pop()
  if (content.length === 0) return
  const last = messages.at(-1)
  if (last !== undefined && last.role === role && !isOwn) for (const block of content) last.content.push(block)
  else messages.push({ role, content, ...(isOwn && role === 'system' && message.rest) })
}

function isThought(block: Block | undefined): boolean {
  return block?.['type'] === 'thinking' || block?.['type'] === 'redacted_thinking'
}

const goOn = 'Continue.'

function begin(messages: WrittenMessage[], mustStartWithUser: boolean, notes: Notes): void {
  const [first] = messages
  if (first !== undefined && (first.role !== 'assistant' || !mustStartWithUser)) return
  messages.unshift({ role: 'user', content: [{ type: 'text', text: goOn }] })
  notes.adapt('adapted:turn_inserted', 'messages')
}

/**
 * An assistant's message at the end is what the answer goes on from, and must not end with a blank. Models that do not do
 * that refuse it; clients of other APIs, where it is a turn like any other, must not find out.
 */
function endWithUser(messages: WrittenMessage[], request: CommonRequest, takesPrefill: boolean, notes: Notes): void {
  const last = messages.at(-1)
  if (last?.role !== 'assistant') return
  if (takesPrefill) return trimEnd(messages, last)
  if (request.form === 'messages') return
  notes.adapt('adapted:prefill', 'messages')
  messages.push({ role: 'user', content: [{ type: 'text', text: goOn }] })
}

function trimEnd(messages: WrittenMessage[], last: WrittenMessage): void {
  const block = last.content.at(-1)
  const text = block?.['text']
  if (block === undefined || block['type'] !== 'text' || typeof text !== 'string') return
  const trimmed = text.trimEnd()
  if (trimmed !== '') block['text'] = trimmed
  else last.content.pop()
  if (last.content.length === 0) messages.pop()
}

function joined(blocks: readonly Block[]): Block[] {
  const text = blocks.map((block) => block['text']).join('\n\n')
  return text === '' ? [] : [{ type: 'text', text }]
}
