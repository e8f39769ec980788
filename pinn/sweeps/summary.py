"""The results of a sweep: a row a job, averages over seeds, and files of both."""

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pinn.basis.errors import require
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.measured import Measure
from pinn.sweeps.grid import write_grid
from pinn.sweeps.records import JobRecord, Status, records_below
from pinn.sweeps.table import SPREADS, Row, filled, numbers_of, rank, summary, table_text, write_table
from pinn.sweeps.words import differing, value_of

TABLE, GRID = "summary.csv", "summary.h5"
WITH_SOLUTION = (Status.DONE, Status.PRUNED, Status.INTERRUPTED)
MEASURED = ("error", "estimated_error", "residual", "held_out", "seconds")
OF_A_RUN = ("verdict", "error", "estimated_error", "lower_bound", "residual", "held_out", "steps")


def job_rows(sweep: Path) -> tuple[list[Row], list[str]]:
    """A row a job, in the order of their numbers, and the keys that the sweep varies.

    Raises UserError where the folder holds no job of a sweep.
    """
    records = records_below(sweep)
    require(bool(records), f"no jobs of a sweep below {sweep}; is it a folder such as runs/multirun/<date>?")
    swept = list(differing([record.overrides for record in records.values()]))
    rows = [
        {"job": str(folder.relative_to(sweep))}
        | {key: _value(record.overrides.get(key)) for key in swept}
        | job_row(folder, record)
        for folder, record in records.items()
    ]
    return filled(rows), swept


def job_row(folder: Path, record: JobRecord) -> Row:
    """A job's status, verdict, worst field's error, true and estimated, residual, steps, seconds, and each error."""
    row: Row = {"status": record.status.value} | dict.fromkeys(OF_A_RUN) | {"seconds": record.seconds}
    if record.status in WITH_SOLUTION and (folder / FILE_NAME).is_file():
        numbers = summary(folder / FILE_NAME, folder.parent)
        row |= {name: numbers[name] for name in OF_A_RUN} | {"seconds": numbers["wall_seconds"]}
        row |= {name: value for name, value in numbers.items() if Measure.RELATIVE_L2.measures(name)}
        row |= numbers_of(numbers)
    return row | {"message": record.error}


def _value(text: str | None) -> Any:
    """A number, or the text of anything else."""
    value = None if text is None else value_of(text)
    return value if isinstance(value, (int, float, str)) and not isinstance(value, bool) else text


def averages(rows: Sequence[Row], swept: Sequence[str]) -> list[Row]:
    """Means over seeds: a row a combination of the other keys, the best first, the keys' values as text.

    verdict: how often which word. spreads: standard deviations of what was measured, over the finished jobs (n - 1 in
    the denominator), where there are two or more. lower_bound: whether an estimate is one.
    """
    keys = [key for key in swept if key != "seed"]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    means = [dict(zip(keys, map(str, values), strict=True)) | _average(jobs) for values, jobs in groups.items()]
    return sorted(means, key=rank)


def _average(jobs: Sequence[Row]) -> Row:
    done = [job for job in jobs if job["status"] == Status.DONE.value]
    measured = [*MEASURED, *dict.fromkeys(name for job in done for name in numbers_of(job))]
    means = {name: [job[name] for job in done if job.get(name) is not None] for name in measured}
    row: Row = {name: statistics.fmean(values) if values else None for name, values in means.items()}
    spreads = {name: statistics.stdev(values) for name, values in means.items() if len(values) > 1}
    counts = {"jobs": len(jobs), "done": len(done), "verdict": _counted_words(done)}
    bound = {"lower_bound": any(job["lower_bound"] for job in done)}
    return counts | {SPREADS: spreads} | bound | row


def _counted_words(jobs: Sequence[Row]) -> str | None:
    """`trusted`, or `2 trusted, 1 not solved` where they differ."""
    counts = Counter(str(job["verdict"]) for job in jobs)
    return next(iter(counts)) if len(counts) == 1 else ", ".join(f"{n} {word}" for word, n in counts.items()) or None


def summarize(sweep: Path) -> tuple[str, list[Path]]:
    """Write summary.csv and summary.h5 to the sweep's folder; returns the table for a terminal, and the paths."""
    rows, swept = job_rows(sweep)
    files = [write_table(rows, sweep / TABLE), write_grid(rows, swept, sweep / GRID)]
    seeds = " (means over seeds ± standard deviations)" if "seed" in swept else ""
    return f"{counted(rows)}{seeds}\n{table_text(averages(rows, swept))}", files


def counted(rows: Sequence[Row]) -> str:
    """`3 jobs: 2 done, 1 failed`."""
    counts = {status.value: sum(row["status"] == status.value for row in rows) for status in Status}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"{len(rows)} job{'s' * (len(rows) > 1)}: {told}"
