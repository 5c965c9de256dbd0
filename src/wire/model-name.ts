import type { Refusal } from '#core/refusal.ts'
import { refuse } from '#core/refusal.ts'

/** Limit: bytes of a model's name; longer ones are refused. */
const modelBytesMax = 512

/** The name if a model may be called so. */
export function checkModel(model: string): string | Refusal {
  if (model === '') return refuse('invalid_parameter', 'Cannot read "model": it is empty', { param: 'model' })
  if (model.length > modelBytesMax || Buffer.byteLength(model) > modelBytesMax) {
    const message = `Cannot read "model": it is longer than ${modelBytesMax} bytes`
    return refuse('invalid_parameter', message, { param: 'model' })
  }
  return model
}
