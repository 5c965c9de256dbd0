import { describe, expect, test } from 'bun:test'
import type { JsonObject } from '#kit/json-value.ts'
import { asObject } from '#kit/json-value.ts'
import { standInForBuiltin, standInForCustom, type StandIn } from '#translate/stand-in-tools.ts'

describe('standInForCustom() (§5.4)', () => {
  test('it takes a text', () => {
    expect(standInForCustom({ kind: 'custom', name: 'apply_patch', description: 'Edits files.' })).toEqual({
      name: 'apply_patch',
      description: 'Edits files.',
      schema: {
        type: 'object',
        properties: { input: { type: 'string' } },
        required: ['input'],
        additionalProperties: false,
      },
    })
  })

  test('its grammar is told behind its description', () => {
    const grammar = { syntax: 'lark', definition: 'start: "x"' }
    const told = 'The whole value of "input" must match this lark grammar:\nstart: "x"'
    expect(standInForCustom({ kind: 'custom', name: 'a', description: 'Does a.', grammar }).description).toBe(
      `Does a.\n\n${told}`,
    )
    expect(standInForCustom({ kind: 'custom', name: 'a', grammar }).description).toBe(told)
  })
})

function standIn(tool: string, native: JsonObject = {}): StandIn | undefined {
  return standInForBuiltin({ kind: 'client_builtin', tool, name: `my_${tool}`, native })
}

/** The values of a property's `enum`, or the names of all properties. */
function names(from: StandIn | undefined, property?: string): readonly unknown[] {
  const properties = asObject(from?.schema['properties']) ?? {}
  if (property === undefined) return Object.keys(properties)
  const values = asObject(properties[property])?.['enum']
  return Array.isArray(values) ? values : []
}

describe('standInForBuiltin() (§5.4)', () => {
  const editing = ['view', 'create', 'str_replace', 'insert']
  test.each([
    { tool: 'bash', type: 'bash_20241022', takes: ['command', 'restart'], required: [] },
    { tool: 'bash', type: 'bash_20250124', takes: ['command', 'restart'], required: [] },
    {
      tool: 'memory',
      type: 'memory_20250818',
      takes: [
        'command',
        'path',
        'view_range',
        'file_text',
        'old_str',
        'new_str',
        'insert_line',
        'insert_text',
        'old_path',
        'new_path',
      ],
      required: ['command'],
    },
    { tool: 'computer', type: 'computer_20241022', takes: ['action', 'coordinate', 'text'], required: ['action'] },
    {
      tool: 'computer',
      type: 'computer_20250124',
      takes: ['action', 'coordinate', 'text', 'start_coordinate', 'scroll_direction', 'scroll_amount', 'duration'],
      required: ['action'],
    },
    {
      tool: 'computer',
      type: 'computer_use_preview',
      takes: ['type', 'x', 'y', 'button', 'path', 'keys', 'scroll_x', 'scroll_y', 'text'],
      required: ['type'],
    },
    { tool: 'computer', type: 'computer', takes: ['actions'], required: ['actions'] },
    {
      tool: 'local_shell',
      type: 'local_shell',
      takes: ['command', 'env', 'timeout_ms', 'user', 'working_directory'],
      required: ['command'],
    },
    {
      tool: 'shell',
      type: 'local_shell',
      takes: ['command', 'env', 'timeout_ms', 'user', 'working_directory'],
      required: ['command'],
    },
    { tool: 'shell', type: 'shell', takes: ['commands', 'timeout_ms', 'max_output_length'], required: ['commands'] },
    { tool: 'apply_patch', type: 'apply_patch', takes: ['operation'], required: ['operation'] },
  ])('$type as $tool', ({ tool, type, takes, required }) => {
    const made = standIn(tool, { type })
    expect(made?.name).toBe(`my_${tool}`)
    expect(made?.description).not.toBe('')
    expect(made?.schema['type']).toBe('object')
    expect(names(made)).toEqual(takes)
    expect(made?.schema['required']).toEqual(required)
  })

  test.each([
    { type: 'text_editor_20241022', commands: [...editing, 'undo_edit'], inserts: false },
    { type: 'text_editor_20250124', commands: [...editing, 'undo_edit'], inserts: false },
    { type: 'text_editor_20250429', commands: editing, inserts: true },
    { type: 'text_editor_20250728', commands: editing, inserts: true },
  ])('$type has its own commands', ({ type, commands, inserts }) => {
    const made = standIn('text_editor', { type })
    expect(names(made, 'command')).toEqual(commands)
    expect(names(made).includes('insert_text')).toBe(inserts)
  })

  test('what the client said of its tools is told', () => {
    expect(standIn('text_editor', { type: 'text_editor_20250728', max_characters: 9000 })?.description).toContain(
      '9000',
    )
    const screen = { type: 'computer_20250124', display_width_px: 1024, display_height_px: 768 }
    expect(standIn('computer', screen)?.description).toContain('1024 x 768')
    const zooming = { type: 'computer_20251124', enable_zoom: true }
    expect(names(standIn('computer', zooming), 'action')).toContain('zoom')
    expect(names(standIn('computer', { type: 'computer_20251124' }), 'action')).not.toContain('zoom')
  })

  test('of others nobody knows what they take', () => {
    expect(standIn('telepathy', { type: 'telepathy_20300101' })).toBeUndefined()
  })
})
