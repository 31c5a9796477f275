"""Print a completion script for bash, zsh or fish, made from the commands' own options.

bash   source <(hotplate completion bash)
zsh    source <(hotplate completion zsh)
fish   hotplate completion fish | source
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module

from hotplate.cli import COMMANDS, console, module_of
from hotplate.cli.parsing import Parser

BASH = """\
_hotplate() {{
  local words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{commands}"
  else
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _hotplate hotplate
"""
# File names come from `-o default`: words given to compgen -W are expanded, and a file's name must never be.

ZSH = """\
autoload -U +X bashcompinit && bashcompinit
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `completion`."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="Shell to complete in")


def main(args: argparse.Namespace) -> int:
    """Print the script."""
    console.out(fish_script() if args.shell == "fish" else (ZSH if args.shell == "zsh" else "") + bash_script(), end="")
    return 0


def bash_script() -> str:
    """Completion for bash; zsh runs it too, through bashcompinit."""
    cases = "\n".join(f'      {command}) words="{" ".join(_words(command))}" ;;' for command in COMMANDS)
    return BASH.format(commands=" ".join(COMMANDS), cases=cases)


def fish_script() -> str:
    """One `complete` line for each command and option."""
    lines = [
        f"complete -c hotplate -f -n __fish_use_subcommand -a {command} -d {_quoted(text)}"
        for command, text in COMMANDS.items()
    ]
    for command in COMMANDS:
        when = f"-n '__fish_seen_subcommand_from {command}'"
        for action in _actions(command):
            text = f" -d {_quoted(action.help)}" if action.help else ""
            for option in action.option_strings:
                kind = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
                value = " -r" if action.nargs != 0 else ""
                lines.append(f"complete -c hotplate {when} {kind}{value}{text}")
            if not action.option_strings and action.choices:
                lines.append(f"complete -c hotplate -f {when} -a '{' '.join(map(str, action.choices))}'")
    return "\n".join(lines) + "\n"


def _words(command: str) -> list[str]:
    found: list[str] = []
    for action in _actions(command):
        found += action.option_strings or [str(choice) for choice in action.choices or ()]
    return list(dict.fromkeys(found))


def _actions(command: str) -> Iterator[argparse.Action]:
    parser = Parser(prog=f"hotplate {command}")
    import_module(module_of(command)).configure(parser)
    return (action for action in parser.every_action() if action.help is not argparse.SUPPRESS)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
