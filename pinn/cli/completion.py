"""`pinn completion SHELL`: what the Tab key completes. Nothing is run: the options of a page are read from its text."""

import ast
import contextlib
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.cli.help import choice_options, defaults, further_groups, groups, keys

FLAGS = ("--help", "--version", "--multirun", "--strict", "--config-dir", "--cfg")
WITH_OPTIONS = ("check", "resume")  # subcommands that take those of a run

# The shells differ in where a word ends: bash ends it at = and :, so that what stands before is taken off again. fish
# puts the space after a word itself, and would take ours for a part of it.
SCRIPTS = {
    "bash": """\
_pinn_complete() {
    local IFS=$'\\n' line="${COMP_LINE:0:COMP_POINT}" head=""
    local word="${line##* }"
    [[ $COMP_WORDBREAKS == *=* ]] && head="${word%"${word##*[=:]}"}"
    COMPREPLY=($(pinn completion --line "$line" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
}
complete -o nospace -o default -F _pinn_complete pinn
""",
    "zsh": """\
_pinn() {
    local -a found
    found=("${(@f)$(pinn completion --line "$LBUFFER" 2>/dev/null)}")
    [[ -n $found ]] && compadd -Q -S '' -- $found || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _pinn pinn
""",
    "fish": """\
complete -c pinn -a '(pinn completion --line (commandline -cp) 2>/dev/null | string trim --right)'
""",
}


def completion(given: Namespace) -> None:
    """Print the script of a shell, or what completes a line."""
    if given.line is None:
        sys.stdout.write(SCRIPTS[given.shell])
        return
    with contextlib.suppress(UserError, OSError):
        sys.stdout.write("".join(f"{word}\n" for word in completed(given.line, given.commands)))


def completed(line: str, commands: Iterable[str]) -> list[str]:
    """What the last word of a line that begins with `pinn` may become; words that end a choice have a space after them.

    commands: the first words that are no options.
    """
    *before, word = line.split(" ")
    words = [other for other in before[1:] if other]
    command = words[0] if words and words[0] in commands else None
    if command is not None and command not in WITH_OPTIONS:
        return []  # files, which the shell knows
    found = [f"{name} " for name in commands] if not words else []
    return sorted(choice for choice in [*found, *_of_options(words, word)] if choice.startswith(word))


def _of_options(words: list[str], word: str) -> Iterator[str]:
    """Flags, groups, keys, the choices of a group that is named in the word, or the options of its choice."""
    listed = groups() | further_groups()
    name, equals, values = word.partition("=")
    if word.startswith("-"):
        yield from (f"{flag} " for flag in FLAGS)
    elif equals:
        head = values[: values.rfind(",") + 1]  # several, of a sweep
        pages = _pages(values.removeprefix(head)) if name == "problem" else ()
        yield from (f"{name}={head}{choice} " for choice in (*listed.get(name, ()), *pages))
    elif "." in word:
        group = word.partition(".")[0]
        chosen = defaults() | dict(other.partition("=")[::2] for other in words)
        yield from (f"{group}.{option}=" for option in _options(group, chosen, listed))
    else:
        yield from (f"{group}=" for group in listed)
        yield from (f"{group}." for group in defaults())
        yield from (f"{key}=" for key, _, _ in keys())


def _options(group: str, chosen: Mapping[str, str], listed: Mapping[str, Mapping[str, str]]) -> list[str]:
    choice = chosen.get(group, "")
    if group == "problem" and choice.partition(":")[0].endswith(".py"):
        return _arguments(choice)
    return choice_options(group, choice) if choice in listed.get(group, {}) else []


def _pages(begun: str) -> Iterator[str]:
    """The Python files whose path begins so."""
    folder = begun.rpartition("/")[0]
    for path in sorted(Path(folder or ".").glob("*.py")):
        yield f"{begun[: begun.rfind('/') + 1]}{path.name}"


def _arguments(spelled: str) -> list[str]:
    """The names of the constructor's arguments in FILE.py[:Class], of its last class where none is named."""
    name, _, wanted = spelled.partition(":")
    try:
        classes = [node for node in ast.parse(Path(name).read_bytes()).body if isinstance(node, ast.ClassDef)]
    except (OSError, SyntaxError, ValueError):
        return []
    made = {
        cls.name: [argument.arg for argument in (*entry.args.args[1:], *entry.args.kwonlyargs)]
        for cls in classes
        for entry in cls.body
        if isinstance(entry, ast.FunctionDef) and entry.name == "__init__"
    }
    return made.get(wanted, []) if wanted else next(reversed(made.values()), [])
