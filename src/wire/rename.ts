import type { Call } from '#core/call.ts'
import { isRefusal } from '#core/refusal.ts'
import { concat } from '#kit/bytes.ts'
import { spliceGeminiBody } from './gemini-body.ts'
import { spliceModel } from './json-splice.ts'
import { checkModel } from './model-name.ts'
import { readModelPath, splicePathModel, withoutModelsPrefix } from './model-path.ts'
import { spliceFormModel } from './multipart.ts'

/** The call with another alias, wherever it names the one that was asked for; as it is where it names none. */
export function renamed(call: Call, meant: string): Call {
  const { endpoint, body, model, modelAt, path } = call
  if (endpoint.reads === 'nothing' || model === '') return call
  const name = checkModel(meant)
  if (isRefusal(name) || name === model) return call
  if (endpoint.reads === 'path') {
    const moved = splicePathModel(path, modelAt, name)
    const at = readModelPath(moved)?.modelAt
    if (at === undefined) return call
    const told = body === undefined ? undefined : concat(spliceGeminiBody(body, path, model, name))
    return { ...call, model: name, path: moved, modelAt: at, body: told }
  }
  // Of a WebSocket the query names it, and is written anew anyway.
  if (body === undefined) return { ...call, model: name }
  // Google's names of models have a word in front also in bodies.
  const written = endpoint.dialect === 'gemini' ? `models/${withoutModelsPrefix(name)}` : name
  const splice = endpoint.reads === 'multipart' ? spliceFormModel : spliceModel
  const told = concat(splice(body, modelAt, written))
  const end = modelAt.end + told.byteLength - body.byteLength
  return { ...call, model: name, body: told, modelAt: { start: modelAt.start, end } }
}
