import type { CommonRequest } from './common.ts'

/** How many answers are wanted, as the client's form calls it. */
export function countField({ form }: Pick<CommonRequest, 'form'>): string {
  return form === 'gemini' ? 'generationConfig.candidateCount' : 'n'
}

/** In what an answer may come but text. */
export function modalitiesField({ form }: Pick<CommonRequest, 'form'>): string {
  return form === 'gemini' ? 'generationConfig.responseModalities' : 'modalities'
}
