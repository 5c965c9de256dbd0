import type { JsonObject } from '#kit/json-value.ts'
import type { Notes } from './notes.ts'
import { clipped, saysMore } from './unknown-members.ts'

type Code = `dropped:${string}`

/** The members of one kind of object in answers: those that are read, or of no account, and those that nobody can be told. */
export interface AnswerMembers {
  readonly known: ReadonlySet<string>
  readonly lost: ReadonlyMap<string, Code>
}

/** `known`: names. Members that stand nowhere are lost by a code of their own. */
export function answerMembers(known: string, lost: Readonly<Record<string, Code>> = {}): AnswerMembers {
  return { known: new Set(known.split(' ')), lost: new Map(Object.entries(lost)) }
}

/**
 * Notes what of an answer no codec reads. Asked of each piece of a stream, so that it costs a look at each name. `place`: of
 * the object, with what stands behind it.
 */
export function tellUnread(object: JsonObject, members: AnswerMembers, place: string, notes: Notes | undefined): void {
  if (notes === undefined) return
  for (const name in object) {
    if (members.known.has(name) || !saysMore(object[name])) continue
    notes.lose(members.lost.get(name) ?? 'dropped:answer_field', place + clipped(name))
  }
}
