"""The trained fields as a torch.export program, which runs without this package."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from pinn.basis.disk import replacing
from pinn.basis.errors import UserError, require
from pinn.domains.charts import sobol
from pinn.solution.loading import load
from pinn.trial.function import TrialFunction

POINTS = 257
"""Points at which the program is compared with the fields."""

AGREEMENT = {torch.float64: 1e-12, torch.float32: 1e-5}
"""Largest difference between program and fields, relative to the largest value: the same operations, fused or not."""


class Fields(nn.Module):
    """Coordinates (n, d) in the problem's order to the fields (n, m)."""

    def __init__(self, trial: TrialFunction) -> None:
        super().__init__()
        self.network = trial.network
        self.trial = trial

    def forward(self, x: Tensor) -> Tensor:
        fields = self.trial.field_function(dict(self.network.named_parameters()))
        return torch.stack(list(fields(x).values()), dim=1)  # type: ignore[arg-type]  # tensors, as x is one


def write_program(path: Path, target: Path, trust: bool) -> list[Path]:
    """Write a program that maps coordinates (n, d) to fields (n, m), loaded by `torch.export.load(path).module()`.

    Raises:
        UserError: the solution has windows of time, cannot be rebuilt or exported, or the program's numbers differ.
    """
    trial = load(path, trust).trial
    if not isinstance(trial, TrialFunction):
        raise UserError("a solution in windows of time is no single program; train it with training.windows=1")
    x = torch.as_tensor(trial.problem.domain.interior(POINTS, sobol), dtype=trial.dtype)
    fields = Fields(trial)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, of its tracing
            shapes = {"x": {0: torch.export.Dim("n", min=1)}}
            program = torch.export.export(fields, (x,), dynamic_shapes=shapes, strict=False)
    except Exception as error:
        raise UserError(f"torch cannot export the fields of {trial.problem.name}: {error}") from error
    with replacing(target) as temporary, open(temporary, "wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constants that are views; the numbers are compared
        torch.export.save(program, file)
        file.flush()
        verify(fields, temporary, x)
    return [target]


def verify(fields: Fields, program: Path, x: Tensor) -> None:
    """Raise UserError where the saved program gives other numbers at x than the fields."""
    with torch.no_grad(), open(program, "rb") as file:
        loaded, expected = torch.export.load(file).module()(x), fields(x)
    difference = float((loaded - expected).abs().max() / expected.abs().max().clamp(min=1e-300))
    require(
        difference <= AGREEMENT[x.dtype],
        f"the exported program differs from the fields by {difference:.1e} of the largest value",
    )
