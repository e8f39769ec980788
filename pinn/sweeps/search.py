"""The results of a search: the best trials, a file of all, and which options matter."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from pinn.report.style import COLORS, NORMAL, style, write
from pinn.solution_file.measured import Measure
from pinn.sweeps.grid import write_grid
from pinn.sweeps.summary import GRID, MEASURED, TABLE, counted, job_rows
from pinn.sweeps.table import Row, numbers_of, table_text, write_table

if TYPE_CHECKING:
    from optuna import Study

FIGURE = "importance.png"
SHOWN = 10  # trials in the table
ENOUGH = 4  # completed trials from which importances say anything


def summarize_search(folder: Path, study: "Study", objectives: Sequence[str]) -> tuple[str, list[Path]]:
    """Write summary.csv, summary.h5 and importance.png; returns the table of the best trials, and the paths.

    Of one objective the ten smallest; of several the front of those that no other betters in all.
    """
    rows, swept = job_rows(folder)
    files = [write_table(rows, folder / TABLE), write_grid(rows, [], folder / GRID)]
    shares = importances(study, objectives)
    if shares:
        files.append(draw_importance(shares, folder / FIGURE))
    best = best_trials(study, objectives)[:SHOWN]
    by_job = {row["job"]: row for row in rows}
    shown = [_shown(by_job[str(number)], swept, objectives) for number in best if str(number) in by_job]
    what = "the best trials" if len(objectives) == 1 else "the front of " + " and ".join(objectives)
    return f"{counted(rows)}; {what}\n" + (table_text(shown) if shown else ""), files


def best_trials(study: "Study", objectives: Sequence[str]) -> list[int]:
    """The numbers of the completed trials, the best first; of several objectives the Pareto front by the first."""
    done = study.best_trials if len(objectives) > 1 else study.get_trials(states=[TrialState.COMPLETE])
    return [trial.number for trial in sorted(done, key=lambda trial: trial.values)]


def importances(study: "Study", objectives: Sequence[str]) -> dict[str, dict[str, float]]:
    """Objective -> key -> its share in what separates the best trials, adding up to 1 (PED-ANOVA, optuna's).

    Watanabe, Bansal and Hutter, IJCAI 2023, arXiv:2304.10255. Empty where fewer than four trials are completed.
    """
    if len(study.get_trials(states=[TrialState.COMPLETE])) < ENOUGH:
        return {}
    shares = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the method is new, that small values count, that few trials say little
        for number, name in enumerate(objectives):
            shares[name] = get_param_importances(
                study,
                evaluator=PedAnovaImportanceEvaluator(),
                target=lambda trial, number=number: trial.values[number],  # type: ignore[misc]
            )
    return shares


def draw_importance(shares: Mapping[str, Mapping[str, float]], figure: Path) -> Path:
    """Draw objective -> option -> share of importance as bars, a panel an objective; returns the figure's path."""
    longest = max(len(options) for options in shares.values())
    drawn = Figure(figsize=(4.2 * len(shares), 1.0 + 0.3 * longest), layout="constrained")
    panels = drawn.subplots(1, len(shares), squeeze=False)[0]
    for axes, (objective, options) in zip(panels, shares.items(), strict=True):
        names = sorted(options, key=lambda name: options[name])
        axes.barh(names, [options[name] for name in names], color=COLORS[0], height=0.6)
        style(axes, "share of importance")
        axes.set_title(objective.replace("_", "-"), fontsize=NORMAL, loc="left")
        axes.set_xlim(0, 1)
    return write(drawn, figure)


def _shown(row: Row, swept: Sequence[str], objectives: Sequence[str]) -> Row:
    asked = [column_of(row, name) for name in objectives]
    names = ["job", *swept, "verdict", *dict.fromkeys([*asked, *MEASURED, *numbers_of(row)]), "steps", "lower_bound"]
    return {name: row.get(name) for name in names}


def column_of(row: Row, objective: str) -> str:
    """The column of a row that an objective means: its own, or that of what was asked or identified; '-' is no part."""
    name = objective.removeprefix("-")
    own = [kind.of(name) for kind in (Measure.RESULT, Measure.UNKNOWN)]
    return next((column for column in (name, *own) if column in row), name)


def reached(row: Row, objective: str) -> float | None:
    """What a trial came to, to be small, by its row; where an error is not known its estimate stands for it."""
    value = row.get(column_of(row, objective))
    if value is None and objective == "error":
        value = row["estimated_error"]
    return None if value is None else -value if objective.startswith("-") else value
