"""Ensembles: the mean and the spread of the fields of runs that differ in nothing but their seed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import require
from pinn.diagnosis.verdict import Verdict
from pinn.report.figures import draw_solution
from pinn.solution_file.contents import Contents
from pinn.solution_file.layout import writing
from pinn.solution_file.measured import ErrorEstimate, Measure, error_attributes
from pinn.solution_file.reading import locate, read
from pinn.sweeps.records import Status
from pinn.sweeps.summary import job_rows

SPREAD = "spread"
OF_A_RUN = ("seed", "wall_seconds", "outcome", Verdict.WORD, Verdict.TEXT, Verdict.ACTION, ErrorEstimate.LEFT)


def write_ensembles(sweep: Path) -> list[Path]:
    """Write `ensemble.h5` and its figure for the runs of a sweep that differ only in their seed; returns the paths.

    Where other keys vary, too, a file for each combination, `ensemble_width=16.h5`. Two finished runs make an ensemble.
    """
    rows, swept = job_rows(sweep)
    groups: dict[str, list[Path]] = {}
    for row in rows:
        if row["status"] == Status.DONE.value:
            varied = [f"{key.rpartition('.')[2]}={row[key]}" for key in swept if key != "seed"]
            name = "_".join(["ensemble", *varied]).replace("/", ".")
            groups.setdefault(name, []).append(sweep / row["job"])
    files = []
    for name, runs in groups.items():
        if len(runs) > 1:
            file = write_ensemble(runs, sweep / f"{name}.h5")
            files += [file, draw_solution(file, sweep / f"{name}.png")]
    return files


def write_ensemble(runs: Sequence[Path], path: Path) -> Path:
    """Write a solution file with the mean of each field over the runs, and `u_spread`, its standard deviation.

    The deviation is that of a single run (n - 1 in the denominator). Reference and error are those of the mean.

    Raises:
        UserError: the runs have different problems or nodes.
    """
    first = read(locate(runs[0]))
    moments = {name: _Moments(values) for name, values in first.fields.items()}
    for run in runs[1:]:
        other = read(locate(run))
        same = other.attributes["problem"] == first.attributes["problem"] and other.nodes.shape == first.nodes.shape
        require(same, f"{run} and {runs[0]} have different problems or nodes: they are no ensemble")
        for name, moment in moments.items():
            moment.add(other.fields[name])
    fields = {name: moment.mean for name, moment in moments.items()}
    fields |= {f"{name}_{SPREAD}": moment.spread for name, moment in moments.items()}
    errors = {name: fields[name] - truth for name, truth in first.reference.items()}
    with writing(path, _described(first, errors, len(runs))) as arrays:
        for group, held in (("fields", fields), ("reference", first.reference), ("error", errors)):
            for name, values in held.items():
                arrays.create(group, name, values.dtype)[(slice(None),) * values.ndim] = values
    return path


def _described(first: Contents, errors: dict[str, NDArray], members: int) -> Contents:
    """The contents of the first run without its arrays, with what is measured of the mean."""
    found = [*OF_A_RUN, *map(Measure.ESTIMATE.of, first.fields), *map(Measure.BOUND.of, first.fields)]
    kept = {name: value for name, value in first.attributes.items() if name not in found}
    measured = {
        name: {
            "relative_l2": float(np.sqrt(np.nanmean(error**2) / np.nanmean(first.reference[name] ** 2))),
            "max": float(np.nanmax(np.abs(error))),
        }
        for name, error in errors.items()
    }
    named = {f"{name}_{SPREAD}": f"spread over seeds of {first.long_names.get(name, name)}" for name in first.fields}
    units = {f"{name}_{SPREAD}": first.units[name] for name in first.fields if name in first.units}
    return replace(
        Contents(first.nodes, first.coordinates, configuration=first.configuration),
        attributes=kept | error_attributes(measured) | {"status": "ensemble", "members": members},
        units=first.units | units,
        long_names=first.long_names | named,
        fewer=first.fewer | {f"{name}_{SPREAD}": own for name, own in first.fewer.items()},
    )


class _Moments:
    """Mean and standard deviation of arrays that come one by one (Welford, Technometrics 4, 1962)."""

    def __init__(self, values: NDArray) -> None:
        self.count = 1
        self.mean = values.astype(np.float64)
        self.squares = np.zeros_like(self.mean)

    def add(self, values: NDArray) -> None:
        self.count += 1
        before = values - self.mean
        self.mean = self.mean + before / self.count
        self.squares = self.squares + before * (values - self.mean)

    @property
    def spread(self) -> NDArray:
        return np.sqrt(self.squares / (self.count - 1))
