"""Saved solutions, ready to be evaluated."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import yaml

from pinn.basis.errors import UserError, require
from pinn.basis.rebuilding import TRAINED, is_corrected, rebuild
from pinn.problem import Problem
from pinn.residuals.windowed import whole_residuals
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.solution_file.contents import FIELD_SIZES, Contents
from pinn.solution_file.reading import PathLike, locate, read
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_windows
from pinn.trial.windows import WindowedTrial


def load(
    path: PathLike,
    trust: bool = False,
    device: str | torch.device = "cpu",
    *,
    problem: Problem | None = None,
    network: Callable[..., torch.nn.Module] | None = None,
) -> Solution:
    """A saved solution, ready to be evaluated.

    Args:
        path: the solution file or its run's folder.
        trust: import and run classes from outside `pinn` that the file names; only for files of your own.
        device: where to evaluate it.
        problem: the problem, where the file's cannot be rebuilt (a class from a notebook).
        network: the network's factory, (inputs=, outputs=) -> nn.Module, likewise.

    Raises:
        UserError: no solution file there, a newer format, a foreign class without `trust`, or a problem or network
            that does not fit.
    """
    contents = read(path := locate(path))
    configuration = yaml.safe_load(contents.configuration) or {}
    problem = problem or rebuild(configuration.get("problem"), trust)
    if not isinstance(problem, Problem):
        raise UserError(f"{path} does not say how to rebuild its problem; pass problem=")
    network = factory(configuration.get("network"), network, trust)
    if not callable(network):
        raise UserError(f"{path} does not say how to rebuild its network; pass network=")
    trial = trained(problem, network, contents, device)
    return Solution(
        trial,
        whole_residuals(trial),
        history=contents.history,
        points=contents.points,
        diagnosis=contents.diagnosis,
        estimate=contents.estimate,
        configuration=configuration,
        attributes=contents.attributes,
        output=Output(derivatives=tuple(contents.derivatives)),
        nodes=contents.nodes,
    )


def factory(saved: Any, given: Callable[..., torch.nn.Module] | None, trust: bool) -> Any:
    """What makes the network of a saved configuration. given: of the trained network, in place of the file's."""
    if given is None:
        return rebuild(saved, trust)
    if not is_corrected(saved):
        return given
    return partial(rebuild(saved | {TRAINED: None}, trust), trained=given)


def trained(
    problem: Problem,
    network: Callable[..., torch.nn.Module],
    contents: Contents,
    device: str | torch.device,
) -> TrialFunction | WindowedTrial:
    """The trial function of a saved solution; raises UserError where problem or network do not fit its file."""
    attributes = contents.attributes
    require(
        problem.name == attributes["problem"],
        f"the file holds a solution of {attributes['problem']}, not of {problem.name}",
    )
    dtype = {"float64": torch.float64, "float32": torch.float32}.get(attributes["dtype"])
    if dtype is None:
        raise UserError(f"the file's dtype must be float64 or float32, got {attributes['dtype']!r}")
    trial = make_windows(
        problem,
        network,
        [float(end) for end in attributes.get("window_ends", [])] or attributes.get("windows", 1),
        constraints=attributes["constraints"],
        derivatives=attributes["derivatives"],
        dtype=dtype,
        device=device,
        sizes=json.loads(attributes[FIELD_SIZES]) if FIELD_SIZES in attributes else None,
    )
    trial.load_parameters({name: torch.as_tensor(values) for name, values in contents.parameters.items()})
    return trial
