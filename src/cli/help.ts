import { commands, type Command } from './command-table.ts'

/** The page behind `llm-proxy --help`. */
export function overview(): string {
  const width = Math.max(...commands.map((command) => command.name.length))
  return [
    'llm-proxy: one address and one key in front of many LLM providers.',
    'It finds a backend by priority and weight, falls back when one fails, and streams the answer byte for byte.',
    '',
    'Usage:',
    '  llm-proxy [serve] [-config FILE]',
    '  llm-proxy COMMAND [flags]',
    '',
    'Commands:',
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    'First steps:',
    '  llm-proxy                         without a configuration: providers from the environment, or a mock one',
    '  llm-proxy init                    writes config.yaml with every key explained',
    '  llm-proxy check                   tells what is wrong with it, by line and column',
    '  llm-proxy -config config.yaml     starts; saved changes apply at once, without a restart',
    '  llm-proxy --secrets-file FILE     starts with a secrets.json, and --backends-file FILE with a backends.json, as they are',
    '',
    'When something is not as expected:',
    '  llm-proxy why REQUEST-ID          tells what became of a request; every answer carries its id, "x-request-id"',
    '  llm-proxy explain --model ALIAS   tells who would be asked, and why',
    '  llm-proxy doctor                  looks at backends, machine and what stands in front',
    '',
    'Exit codes: 0 done, 1 could not start, failed while running or found something wrong, 2 wrong usage, or a configuration',
    'that check refuses.',
    '"llm-proxy COMMAND --help" explains a command.',
    '',
  ].join('\n')
}

/** The page of one command. */
export function commandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([name, flag]) => {
    const short = flag.short === undefined ? '    ' : `-${flag.short}, `
    return { left: `  ${short}--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`, help: flag.help }
  })
  const width = Math.max(...flags.map((flag) => flag.left.length))
  const takes = command.takes === undefined ? '' : ` ${command.takes}`
  return [
    `llm-proxy ${command.name}: ${command.summary}.`,
    '',
    'Usage:',
    `  llm-proxy ${command.name}${takes} [flags]`,
    '',
    'Flags (one dash or two):',
    ...flags.map((flag) => `${flag.left.padEnd(width)}  ${flag.help}`),
    '',
    ...environmentHelp(command),
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
}

function environmentHelp({ environment = {} }: Command): readonly string[] {
  const rows = Object.entries(environment)
  if (rows.length === 0) return []
  const width = Math.max(...rows.map(([names]) => names.length))
  return ['Environment:', ...rows.map(([names, meaning]) => `  ${names.padEnd(width)}  ${meaning}`), '']
}
