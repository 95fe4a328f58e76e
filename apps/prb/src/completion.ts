import type { Command } from 'commander';
import { UsageError } from './errors.js';

/** A script that completes commands and options in a shell. */
export function completionScript(program: Command, shell: string): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    words: [
      ...command.commands.map((sub) => sub.name()),
      ...[command, ...command.commands].flatMap((one) =>
        one.options.map((option) => option.long ?? ''),
      ),
    ],
  }));
  const names = commands.map(({ name }) => name).join(' ');
  const globals = program.options.map((option) => option.long ?? '').join(' ');
  if (shell === 'bash' || shell === 'zsh') {
    const cases = commands.map(
      ({ name, words }) => `    ${name}) words="${words.join(' ')} ${globals}"; break;;`,
    );
    return [
      ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
      '_prb() {',
      `  local word words="${names} ${globals}"`,
      '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
      '    case "$word" in',
      ...cases,
      '    esac',
      '  done',
      '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
      '}',
      'complete -o default -F _prb prb',
    ].join('\n');
  }
  if (shell === 'fish') {
    return [
      'complete -c prb -f',
      ...commands.map(
        ({ name, about }) =>
          `complete -c prb -n __fish_use_subcommand -a ${name} -d '${about.replaceAll("'", '')}'`,
      ),
      ...commands.flatMap(({ name, words }) =>
        words.map((word) =>
          word.startsWith('--')
            ? `complete -c prb -n '__fish_seen_subcommand_from ${name}' -l ${word.slice(2)}`
            : `complete -c prb -n '__fish_seen_subcommand_from ${name}' -a ${word}`,
        ),
      ),
    ].join('\n');
  }
  throw new UsageError(`No completion for '${shell}', only for bash, zsh and fish`);
}
