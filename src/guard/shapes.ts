import { anyText, type Disagreement, type ObjectReader, type Shape } from './shape.ts'
import type { AskedForm } from './words.ts'

/*
 * What no backend of a form would take, and nothing more: members and kinds of content that nobody here knows go through,
 * for providers add some each month.
 */

const text: Shape = { text: anyText }
const flag: Shape = { boolean: true }
const texts: Shape = { list: { each: text } }
const anyObject: Shape = { object: { members: {} } }
const objects: Shape = { list: { each: anyObject } }
const count: Shape = { number: { min: 0, isWhole: true } }
const atLeastOne: Shape = { number: { min: 1, isWhole: true } }
const whole: Shape = { number: { isWhole: true } }
const penalty: Shape = { number: { min: -2, max: 2 } }
const share: Shape = { number: { min: 0, max: 1 } }
const warmth: Shape = { number: { min: 0, max: 2 } }
const textOrTexts: Shape = { text: anyText, list: { each: text } }
const textOrObject: Shape = { text: anyText, object: { members: {} } }

function words(...allowed: readonly string[]): Shape {
  return { text: new Set(allowed), isNeeded: true }
}

/** Who names its kind must have what that kind is made of. */
function holdsItsKind(needs: Readonly<Record<string, string>>): (part: ObjectReader) => Disagreement | undefined {
  return (part) => {
    const type = part.textOf('type')
    const member = type !== undefined && Object.hasOwn(needs, type) ? needs[type] : undefined
    if (member === undefined || part.has(member)) return undefined
    return { member, says: `it is missing, which "type": "${type}" needs` }
  }
}

const typed: Shape = { text: anyText, isNeeded: true }

const chatPart: Shape = {
  object: {
    members: { type: typed, text, image_url: textOrObject, input_audio: anyObject, file: anyObject },
    agree: holdsItsKind({ text: 'text', image_url: 'image_url', input_audio: 'input_audio', file: 'file' }),
  },
}

const functionTool: Shape = {
  object: { members: { name: { text: anyText, isNeeded: true }, description: text, parameters: anyObject } },
}

const chatTools: Shape = {
  list: {
    each: {
      object: { members: { type: typed, function: functionTool }, agree: holdsItsKind({ function: 'function' }) },
    },
  },
}

const toolCalls: Shape = {
  list: {
    each: {
      object: {
        members: {
          id: text,
          function: { object: { members: { name: { text: anyText, isNeeded: true } } } },
        },
      },
    },
  },
}

const chatMessage: Shape = {
  object: {
    members: {
      role: words('system', 'developer', 'user', 'assistant', 'tool', 'function'),
      content: { text: anyText, list: { each: chatPart } },
      tool_calls: toolCalls,
      tool_call_id: text,
    },
    agree: (message) => {
      const role = message.textOf('role')
      if (role === 'tool' && !message.has('tool_call_id')) {
        return { member: 'tool_call_id', says: 'it is missing, which "role": "tool" needs' }
      }
      if (role === 'assistant' || role === 'function' || message.has('content')) return undefined
      return { member: 'content', says: 'it is missing, expected a string or an array' }
    },
  },
}

const openaiNumbers = {
  temperature: warmth,
  top_p: share,
  frequency_penalty: penalty,
  presence_penalty: penalty,
  n: atLeastOne,
  max_tokens: count,
  seed: whole,
  stop: textOrTexts,
}

const chat: Shape = {
  object: {
    members: {
      messages: { list: { each: chatMessage, countMin: 1 }, isNeeded: true },
      ...openaiNumbers,
      max_completion_tokens: count,
      logprobs: flag,
      top_logprobs: count,
      tools: chatTools,
      tool_choice: textOrObject,
      parallel_tool_calls: flag,
      response_format: { object: { members: { type: typed } } },
    },
  },
}

const completions: Shape = {
  object: {
    members: {
      // Texts, or tokens, or lists of them.
      prompt: {
        text: anyText,
        list: { each: { text: anyText, number: { min: 0, isWhole: true }, list: { each: count } } },
      },
      ...openaiNumbers,
      best_of: atLeastOne,
      echo: flag,
    },
  },
}

const responsesItem: Shape = {
  object: {
    members: {
      type: text,
      role: { text: new Set(['user', 'assistant', 'system', 'developer']) },
      content: { text: anyText, list: { each: { object: { members: { type: typed, text } } } } },
    },
    // A reference to an item of before has an id and nothing else.
    agree: (item) => {
      const isMessage = item.textOf('type') === 'message' || (!item.has('type') && item.has('content'))
      return isMessage && !item.has('role')
        ? { member: 'role', says: 'it is missing, which a message needs' }
        : undefined
    },
  },
}

const responses: Shape = {
  object: {
    members: {
      input: { text: anyText, list: { each: responsesItem } },
      instructions: { text: anyText, list: { each: responsesItem } },
      temperature: warmth,
      top_p: share,
      max_output_tokens: count,
      top_logprobs: count,
      tools: { list: { each: { object: { members: { type: typed, name: text } } } } },
      tool_choice: textOrObject,
      parallel_tool_calls: flag,
      reasoning: anyObject,
      text: anyObject,
      previous_response_id: text,
    },
  },
}

const block: Shape = {
  object: {
    members: { type: typed, text, source: textOrObject, id: text, name: text, input: anyObject, tool_use_id: text },
    agree: holdsItsKind({
      text: 'text',
      image: 'source',
      document: 'source',
      tool_use: 'name',
      tool_result: 'tool_use_id',
    }),
  },
}

const messages: Shape = {
  object: {
    members: {
      max_tokens: { number: { min: 0, isWhole: true }, isNeeded: true },
      messages: {
        list: {
          each: {
            object: {
              members: {
                role: words('user', 'assistant', 'system'),
                content: { text: anyText, list: { each: block }, isNeeded: true },
              },
            },
          },
          countMin: 1,
        },
        isNeeded: true,
      },
      system: { text: anyText, list: { each: block } },
      temperature: share,
      top_p: share,
      top_k: count,
      stop_sequences: texts,
      tools: {
        list: { each: { object: { members: { name: text, type: text, description: text, input_schema: anyObject } } } },
      },
      tool_choice: { object: { members: { type: typed } } },
      thinking: { object: { members: { type: typed, budget_tokens: count } } },
    },
  },
}

const content: Shape = {
  object: {
    members: {
      role: { text: new Set(['user', 'model', 'function', 'system', '']) },
      parts: { list: { each: { object: { members: { text } } } }, object: { members: { text } } },
    },
  },
}

const generationConfig: Shape = {
  object: {
    members: {
      temperature: warmth,
      topP: share,
      top_p: share,
      topK: { number: { min: 0 } },
      top_k: { number: { min: 0 } },
      candidateCount: atLeastOne,
      candidate_count: atLeastOne,
      maxOutputTokens: count,
      max_output_tokens: count,
      stopSequences: texts,
      stop_sequences: texts,
    },
  },
}

const gemini: Shape = {
  object: {
    members: {
      contents: { list: { each: content, countMin: 1 }, object: { members: {} }, isNeeded: true },
      systemInstruction: content,
      system_instruction: content,
      generationConfig,
      generation_config: generationConfig,
      // Proto JSON takes one where it wants a list.
      tools: { list: { each: anyObject }, object: { members: {} } },
    },
  },
}

const ollamaMessage: Shape = {
  object: {
    members: { role: words('system', 'user', 'assistant', 'tool'), content: text, images: texts, tool_calls: objects },
  },
}

const ollama: Shape = {
  object: {
    members: {
      // Without one, the model is only loaded.
      messages: { list: { each: ollamaMessage } },
      prompt: text,
      system: text,
      suffix: text,
      images: texts,
      tools: objects,
      format: textOrObject,
      options: {
        object: {
          members: {
            temperature: { number: { min: 0 } },
            top_p: share,
            top_k: whole,
            num_predict: { number: { min: -2, isWhole: true } },
            num_ctx: count,
            stop: textOrTexts,
          },
        },
      },
    },
  },
}

/** What a request of each form must look like. */
export const shapes: Readonly<Record<AskedForm, Shape>> = { chat, completions, responses, messages, gemini, ollama }
