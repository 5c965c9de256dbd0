import { expect } from 'bun:test'
import { openRoad, type Road } from './road.ts'
import { answering } from './scripted.ts'

export const limitedAliases = `
backends:
  - { name: a, url: "http://a/v1" }
  - { name: b, url: "http://b/v1" }
models:
  gpt-4:
    routes: [{ backend: a, model: up }]
  claude-3:
    routes: [{ backend: b, model: up }]
`

export const limitedKeys = `
auth:
  enabled: true
  providers:
    - type: api_key
      keys:
        - { key: key-of-ann, user_id: ann }
        - { key: key-of-bob, user_id: bob }
        - { key: key-of-cy, user_id: cy, rate_limit: 3 }
`

const wellAnswered = answering({})

/** Two aliases, each with its backend, and these sections. */
export async function limitedRoad(sections: string, upstream = wellAnswered): Promise<Road> {
  return await openRoad(`${limitedAliases}${sections}`, upstream)
}

export interface Way {
  readonly model?: string
  readonly key?: string
  readonly from?: string
  readonly extra?: Record<string, unknown>
}

/** One chat request. */
export async function ask(road: Road, { model = 'gpt-4', key, from, extra = {} }: Way = {}): Promise<Response> {
  const headers: Record<string, string> = {}
  if (key !== undefined) headers['authorization'] = `Bearer ${key}`
  if (from !== undefined) headers['x-forwarded-for'] = from
  return await road.chat(model, extra, { headers })
}

/** How many of so many requests, one after the other, are answered. */
export async function answered(road: Road, count: number, way: Way = {}): Promise<number> {
  let count200 = 0
  for (let left = count; left > 0; left -= 1) {
    const response = await ask(road, way)
    await response.text()
    if (response.status === 200) count200 += 1
    else expect(response.status).toBe(429)
  }
  return count200
}

/** The code of an error answer. */
export async function codeOf(response: Response): Promise<string> {
  const body: unknown = await response.json()
  return /"code":"(\w+)"/.exec(JSON.stringify(body))?.[1] ?? ''
}
