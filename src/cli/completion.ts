import { commands, type Command } from './command-table.ts'

/** The completion script for a shell, or undefined when the shell is unknown. */
export function completionScript(shell: string): string | undefined {
  const all: readonly Command[] = commands
  switch (shell) {
    case 'bash':
      return bash(all)
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(all)}`
    case 'fish':
      return fish(all)
    case 'powershell':
      return powershell(all)
    default:
      return undefined
  }
}

function bash(all: readonly Command[]): string {
  const cases = all.map((command) => `    ${command.name}) words="${flagWords(command)}" ;;`)
  return `_llm_proxy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words
  case "$previous" in
    -c|-config|--config) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="${all.map((command) => command.name).join(' ')} ${all[0] === undefined ? '' : flagWords(all[0])}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _llm_proxy llm-proxy
`
}

function fish(all: readonly Command[]): string {
  const lines = ['complete -c llm-proxy -f']
  for (const command of all) {
    lines.push(`complete -c llm-proxy -n __fish_use_subcommand -a ${command.name} -d '${quoted(command.summary)}'`)
    const condition =
      command === all[0]
        ? `__fish_use_subcommand; or __fish_seen_subcommand_from ${command.name}`
        : `__fish_seen_subcommand_from ${command.name}`
    for (const [name, flag] of Object.entries(command.flags)) {
      const short = flag.short === undefined ? '' : ` -s ${flag.short}`
      const value = flag.type === 'string' ? ' -r -F' : ''
      lines.push(`complete -c llm-proxy -n '${condition}' -l ${name}${short}${value} -d '${quoted(flag.help)}'`)
    }
  }
  return `${lines.join('\n')}\n`
}

function powershell(all: readonly Command[]): string {
  const rows = all.map((command) => `    '${command.name}' = '${flagWords(command)}'`)
  return `Register-ArgumentCompleter -Native -CommandName llm-proxy -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $flags = @{
${rows.join('\n')}
  }
  $command = if ($commandAst.CommandElements.Count -gt 1) { $commandAst.CommandElements[1].ToString() } else { '' }
  $words = if ($flags.ContainsKey($command)) { $flags[$command] -split ' ' } else { @($flags.Keys) }
  $words | Where-Object { $_ -like "$wordToComplete*" } | Sort-Object | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
}

function flagWords(command: Command): string {
  return Object.keys(command.flags)
    .map((name) => `--${name}`)
    .join(' ')
}

function quoted(text: string): string {
  return text.replaceAll("'", String.raw`\'`)
}
