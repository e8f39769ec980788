"""Near matches for misspelt words."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`; None where none is."""
    return next(iter(get_close_matches(word, list(choices), n=1)), None)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """` (did you mean 'damping'?)` for `dampng`, or nothing."""
    return question(nearest(word, choices))


def question(suggestion: str | None) -> str:
    """` (did you mean 'damping'?)`, or nothing without a suggestion."""
    return f" (did you mean {suggestion!r}?)" if suggestion else ""


def no_choice(choice: str, group: str, choices: Iterable[str]) -> str:
    """That a group has no such choice, and which it has."""
    if group == "problem" and Path(f"{choice}.py").is_file():
        return f"no choice {choice!r} of problem: a file is named with its ending, problem={choice}.py"
    return f"no choice {choice!r} of {group}{did_you_mean(choice, choices)}; the choices are {', '.join(choices)}"


def no_option(path: str, suggestion: str | None, where: str, options: Iterable[str]) -> str:
    """That there is no such option, and which there are."""
    options = list(options)
    if not options:
        group = path.partition(".")[0]
        return f"no option {path!r}: this choice of {group} has none; name another with it (pinn --help {group})"
    return f"no option {path!r}{question(suggestion)}; {where} are {', '.join(options)}"
