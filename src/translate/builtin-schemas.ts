import { asNumber, asText, type JsonObject } from '#kit/json-value.ts'

/** What a provider's own tool is, told to a model that does not know it. */
interface BuiltinStandIn {
  readonly description: string
  readonly schema: JsonObject
}

/**
 * `tool`: as the common form names it; `native`: as the client declared it, since versions differ in what they take. Arguments
 * are those that calls of the provider have in the common form: of OpenAI's shells and computer, what stands in `action`.
 */
export function builtinStandIn(tool: string, native: JsonObject): BuiltinStandIn | undefined {
  const type = asText(native['type']) ?? ''
  switch (tool) {
    case 'bash':
      return bash
    case 'text_editor':
      return textEditor(type === 'text_editor_20241022' || type === 'text_editor_20250124', native)
    case 'memory':
      return memory
    case 'computer':
      return type.startsWith('computer_20') ? anthropicComputer(native) : openaiComputer(native)
    case 'local_shell':
      return localShell
    case 'shell':
      return type === 'local_shell' ? localShell : shell
    case 'apply_patch':
      return applyPatch
    default:
      return undefined
  }
}

const text = { type: 'string' }
const integer = { type: 'integer' }

function object(properties: JsonObject, required: readonly string[]): JsonObject {
  return { type: 'object', properties, required }
}

function told(schema: JsonObject, description: string): JsonObject {
  return { ...schema, description }
}

function oneOf(...values: readonly string[]): JsonObject {
  return { type: 'string', enum: values }
}

/** Limit: of exactly so many whole numbers. */
function numbers(count: number): JsonObject {
  return { type: 'array', items: integer, minItems: count, maxItems: count }
}

const bash: BuiltinStandIn = {
  description: 'Runs commands in a bash shell whose state lasts from one call to the next.',
  schema: object(
    {
      command: told(text, 'The command to run. Required unless the shell is restarted.'),
      restart: told({ type: 'boolean' }, 'Whether to restart the shell instead.'),
    },
    [],
  ),
}

/** `isOld`: of before April 2025. Those can undo, and what is inserted is called otherwise. */
function textEditor(isOld: boolean, native: JsonObject): BuiltinStandIn {
  const shownMax = asNumber(native['max_characters'])
  const limit = shownMax === undefined ? '' : ` At most ${shownMax} characters of a file are shown.`
  const commands = ['view', 'create', 'str_replace', 'insert', ...(isOld ? ['undo_edit'] : [])]
  const replacing = 'For "str_replace": the text that takes its place'
  return {
    description: `Views, creates and edits text files.${limit}`,
    schema: object(
      {
        command: told(oneOf(...commands), 'What to do.'),
        path: told(text, 'Absolute path of the file or directory.'),
        view_range: told(numbers(2), 'For "view": first and last line, counted from 1; -1 is the end of the file.'),
        file_text: told(text, 'For "create": the content of the file.'),
        old_str: told(text, 'For "str_replace": the text to replace, which must stand in the file exactly once.'),
        new_str: told(text, isOld ? `${replacing}; for "insert": the text to insert.` : `${replacing}.`),
        insert_line: told(integer, 'For "insert": the line behind which to insert; 0 is the beginning of the file.'),
        ...(isOld ? {} : { insert_text: told(text, 'For "insert": the text to insert.') }),
      },
      ['command', 'path'],
    ),
  }
}

const memory: BuiltinStandIn = {
  description: 'Keeps notes from one conversation to the next, as files in the directory /memories.',
  schema: object(
    {
      command: told(oneOf('view', 'create', 'str_replace', 'insert', 'delete', 'rename'), 'What to do.'),
      path: told(text, 'For all but "rename": path of the file or directory, below /memories.'),
      view_range: told(numbers(2), 'For "view": first and last line of a file.'),
      file_text: told(text, 'For "create": the content of the file.'),
      old_str: told(text, 'For "str_replace": the text to replace.'),
      new_str: told(text, 'For "str_replace": the text that takes its place.'),
      insert_line: told(integer, 'For "insert": the line behind which to insert.'),
      insert_text: told(text, 'For "insert": the text to insert.'),
      old_path: told(text, 'For "rename": path of the file as it is.'),
      new_path: told(text, 'For "rename": path of the file as it shall be.'),
    },
    ['command'],
  ),
}

const firstActions = [
  'key',
  'type',
  'mouse_move',
  'left_click',
  'left_click_drag',
  'right_click',
  'middle_click',
  'double_click',
  'screenshot',
  'cursor_position',
]
const laterActions = ['left_mouse_down', 'left_mouse_up', 'scroll', 'hold_key', 'wait', 'triple_click']

function anthropicComputer(native: JsonObject): BuiltinStandIn {
  const isFirst = native['type'] === 'computer_20241022'
  const zooms = native['enable_zoom'] === true
  const actions = [...firstActions, ...(isFirst ? [] : laterActions), ...(zooms ? ['zoom'] : [])]
  return {
    description: `Controls a computer by its screen, mouse and keyboard.${screenOf(native, 'display_width_px', 'display_height_px')}`,
    schema: object(
      {
        action: told(oneOf(...actions), 'What to do.'),
        coordinate: told(
          numbers(2),
          'Where on the screen, [x, y] in pixels: of moves, clicks and scrolls, and the end of a drag.',
        ),
        text: told(text, 'For "type": the text to type; for "key" and "hold_key": the keys, such as "ctrl+s".'),
        ...(isFirst
          ? {}
          : {
              start_coordinate: told(numbers(2), 'For "left_click_drag": where it begins.'),
              scroll_direction: told(oneOf('up', 'down', 'left', 'right'), 'For "scroll".'),
              scroll_amount: told(integer, 'For "scroll": how many clicks of the wheel.'),
              duration: told({ type: 'number' }, 'For "wait" and "hold_key": seconds.'),
            }),
        ...(zooms ? { region: told(numbers(4), 'For "zoom": the corners [x0, y0, x1, y1] of what to show.') } : {}),
      },
      ['action'],
    ),
  }
}

/** The newer one takes several actions at once. */
function openaiComputer(native: JsonObject): BuiltinStandIn {
  const point = object({ x: integer, y: integer }, ['x', 'y'])
  const actions = ['click', 'double_click', 'drag', 'keypress', 'move', 'screenshot', 'scroll', 'type', 'wait']
  const action = object(
    {
      type: told(oneOf(...actions), 'What to do.'),
      x: told(integer, 'Where on the screen, in pixels from the left: of clicks, moves and scrolls.'),
      y: told(integer, 'Where on the screen, in pixels from the top.'),
      button: told(oneOf('left', 'right', 'wheel', 'back', 'forward'), 'For "click".'),
      path: told({ type: 'array', items: point }, 'For "drag": the points on its way.'),
      keys: told({ type: 'array', items: text }, 'For "keypress": the keys that are pressed together.'),
      scroll_x: told(integer, 'For "scroll": how far to the right.'),
      scroll_y: told(integer, 'For "scroll": how far down.'),
      text: told(text, 'For "type": the text to type.'),
    },
    ['type'],
  )
  const several = object({ actions: told({ type: 'array', items: action }, 'One after the other.') }, ['actions'])
  return {
    description: `Controls a computer by its screen, mouse and keyboard.${screenOf(native, 'display_width', 'display_height')}`,
    schema: native['type'] === 'computer' ? several : action,
  }
}

function screenOf(native: JsonObject, width: string, height: string): string {
  const pixelsX = asNumber(native[width])
  const pixelsY = asNumber(native[height])
  return pixelsX === undefined || pixelsY === undefined ? '' : ` The screen has ${pixelsX} x ${pixelsY} pixels.`
}

const localShell: BuiltinStandIn = {
  description: 'Runs a command on the computer of the user.',
  schema: object(
    {
      command: told({ type: 'array', items: text }, 'The program and its arguments.'),
      env: told({ type: 'object', additionalProperties: text }, 'Variables of the environment.'),
      timeout_ms: told(integer, 'Milliseconds after which it is stopped.'),
      user: told(text, 'Whom to run it as.'),
      working_directory: told(text, 'Where to run it.'),
    },
    ['command'],
  ),
}

const shell: BuiltinStandIn = {
  description: 'Runs commands in a shell on the computer of the user.',
  schema: object(
    {
      commands: told({ type: 'array', items: text }, 'The commands, which may run at the same time.'),
      timeout_ms: told(integer, 'Milliseconds after which they are stopped.'),
      max_output_length: told(integer, 'Characters of their output that are shown.'),
    },
    ['commands'],
  ),
}

const applyPatch: BuiltinStandIn = {
  description: 'Creates, changes or deletes a file by a patch.',
  schema: object(
    {
      operation: object(
        {
          type: told(oneOf('create_file', 'update_file', 'delete_file'), 'What to do.'),
          path: told(text, 'Path of the file in the workspace.'),
          diff: told(
            text,
            'For "create_file" and "update_file": the change as a V4A diff: headers "@@", and lines that begin with "+", "-" or a space.',
          ),
        },
        ['type', 'path'],
      ),
    },
    ['operation'],
  ),
}
