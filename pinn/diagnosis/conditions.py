"""What conditions and data leave, place by place, for a picture of it."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import DataRegion
from pinn.sampling.sequences import SobolSampler
from pinn.solution_file.remainders import Remainder, columns_of
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

OBSERVED = "observed "  # begins the columns of data
PLACES, MOST = 400, 2000  # on each side, of each window; of a term at most


def remainders(trial: TrialFunction | WindowedTrial, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """As columns of the solution file; nothing of conditions that hold exactly, and of those without places."""
    generator, found = Generator().manual_seed(seed), list[Remainder]()
    for window in trial.windows:
        found += _of_window(make_residuals(window), generator)
    names = dict.fromkeys((one.name, one.is_observed) for one in found)
    together = [Remainder.joined([one for one in found if (one.name, one.is_observed) == name]) for name in names]
    return columns_of([one.thinned(MOST) for one in together])


def _of_window(residuals: Residuals, generator: Generator) -> Iterator[Remainder]:
    parameters = residuals.trial.parameters()
    points = residuals.draw(SobolSampler(interior=1, boundary=PLACES), generator)
    for label, group in residuals.regions.items():
        own, is_data = points[label], isinstance(group.region, DataRegion)
        decided = any(block.name in of for block in group.blocks for of in residuals.by_evidence.values())
        if decided or group.region.is_interior or own.per_row > 2 or not (is_data or group.region.sides):
            continue
        with torch.no_grad():
            rows = residuals.region_values(group, own, parameters)
        x = own.x[: len(own)].double().cpu().numpy()
        places = dict(zip(residuals.trial.problem.coordinates, x.T, strict=True))
        for block, row in zip(group.blocks, rows, strict=True):
            yield Remainder(block.name, places, row.double().cpu().numpy())
        for name, values in own.columns.items():
            if name.startswith(OBSERVED):
                yield Remainder(name.removeprefix(OBSERVED), places, values.double().cpu().numpy(), is_observed=True)
