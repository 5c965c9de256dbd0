import type { ProfileOverrides } from '#core/profile.ts'
import type { ConverterTakes } from '#translate/converter.ts'

/** What a converter says of its provider, in the words in which everybody is asked. */
export function profileOfTakes(takes: ConverterTakes = {}): ProfileOverrides {
  const { tools = false, media = [], mediaUrls = false, jsonSchema = false, stops = 0, temperatureMax = 2 } = takes
  const takesForcedTool = takes.forcedTools ?? tools
  return {
    media: new Set(media),
    takesMediaUrls: mediaUrls,
    takesMediaInResults: true,
    takesForcedTool,
    takesParallelSwitch: false,
    takesInlineSystem: false,
    takesN: false,
    takesPrefill: true,
    takesStrict: false,
    stopMax: stops,
    temperatureMax,
    structured: jsonSchema ? 'native' : tools && takesForcedTool ? 'tool' : 'instruction',
    alwaysStreams: false,
    sampling: 'all',
    refuses: new Set(),
    reasoning: {
      style: takes.thinking === true ? 'effort' : 'none',
      efforts: [],
      canBeOff: true,
      isOnByDefault: false,
      history: takes.thoughts === true ? 'optional' : 'drop',
      hasTags: false,
    },
  }
}
