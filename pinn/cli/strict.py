"""`strict`: an exit status of its own where an answer is neither trusted nor plausible."""

from collections.abc import Mapping

from pinn.diagnosis.verdict import Verdict

STATUS = 3
KEY = "strict"  # of conf/config.yaml: it is about the command's status, and no argument of `solve`


class Doubted(Exception):
    """Everything is written, but the answer is not to be used."""


def doubt(verdicts: Mapping[str, Verdict]) -> Doubted | None:
    """What is to be said of runs by name, where not all answers may be used; else None."""
    doubted = {name: verdict for name, verdict in verdicts.items() if not verdict.word.is_good}
    if not doubted:
        return None
    name, first = next(iter(doubted.items()))
    told = f"{name}: {first.lines[0]}"
    if len(verdicts) > 1:
        told = f"{len(doubted)} of {len(verdicts)} answers are not to be used, the first is {told}"
    return Doubted(f"strict: {told}")


def without_strict(words: list[str]) -> list[str]:
    """The words without that key, which changes no run."""
    return [word for word in words if word.lstrip("+").partition("=")[0] != KEY]
