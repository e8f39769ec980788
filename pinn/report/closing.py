"""The table that ends a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pinn.basis.terminal import GAP, terminal_width, wrapped
from pinn.report.accuracy import Accuracy, Row
from pinn.solution.solution import Solution
from pinn.solution_file.identified import identified_rows
from pinn.solution_file.measured import Measure, kept_measurement
from pinn.solution_file.results import result_rows

WIDTH = 100  # at most
NOTE = 32  # columns, at least, of what is to be known of a value; where there is no room for it, it is left out


def closing_table(solution: Solution, files: Sequence[Path]) -> str:
    """Verdict, errors per field, residual per term, time and files as text, as wide as the terminal up to `WIDTH`.

    A path has a line of its own, which is not broken.
    """
    attributes = {**solution.attributes, "truth": solution.problem.truth_kind}
    errors = {field: (error["relative_l2"], error["max"]) for field, error in solution.errors().items()}
    rows = [*Accuracy.of(attributes, kept_measurement(solution.history), errors).rows()]
    rows += identified_rows(attributes | Measure.UNKNOWN.entries(solution.trial.unknowns))
    rows += result_rows(solution.results)
    steps = [0, *solution.history.get("step", ())]  # no step is kept where a first window is tried again
    rows += [("time", f"{attributes['wall_seconds']:.1f} s", f"{steps[-1]} steps")]
    width = min(WIDTH, terminal_width() or WIDTH)
    title = f"{solution.problem.name}: {solution.attributes['outcome']}"
    paths = [f"{'' if number else 'files':<6}{path}" for number, path in enumerate(files)]
    return "\n".join([*wrapped(title, width), "─" * width, *laid_out(rows, width), *paths])


def laid_out(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Label, value and note of each row, the note in lines of words; in a narrow space without notes of numbers."""
    labels, values = (max(len(row[k]) for row in rows if row[1] or not k) for k in (0, 1))
    room = width - labels - values - 2 * len(GAP)
    is_narrow = room < NOTE
    for label, value, note in rows:
        begun = f"{label:<{labels}}{GAP}{value:>{values}}"
        if not is_narrow:
            first, *others = wrapped(note, room)
            yield f"{begun}{GAP}{first}".rstrip()
            yield from (" " * (width - room) + other for other in others)
        elif label == "verdict":
            yield begun.rstrip()
            yield from (GAP + line for line in wrapped(note, width - len(GAP)))
        elif value:
            yield begun
        else:  # a further reason, or what to try
            yield from (GAP + line for line in wrapped(f"{label} {note}".strip(), width - len(GAP)))
