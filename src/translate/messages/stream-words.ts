import type { FramedEvent } from '#translate/codec.ts'

export const ping: FramedEvent = { name: 'ping', data: '{"type":"ping"}' }
export const messageStop: FramedEvent = { name: 'message_stop', data: '{"type":"message_stop"}' }

export function framed(name: string, event: object): FramedEvent {
  return { name, data: JSON.stringify(event) }
}

export function blockStart(index: number, block: object): FramedEvent {
  return framed('content_block_start', { type: 'content_block_start', index, content_block: block })
}

export function blockDelta(index: number, delta: object): FramedEvent {
  return framed('content_block_delta', { type: 'content_block_delta', index, delta })
}

export function blockStop(index: number): FramedEvent {
  return { name: 'content_block_stop', data: `{"type":"content_block_stop","index":${index}}` }
}

/** What stands in front of the text of every delta of a block. */
export function deltaPrefix(index: number, type: string, member: string): string {
  return `{"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${member}":`
}

export function textDelta(prefix: string, text: string): FramedEvent {
  return { name: 'content_block_delta', data: `${prefix}${JSON.stringify(text)}}}` }
}
