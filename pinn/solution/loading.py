"""Saved solutions, ready to be evaluated."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn.modules.module import register_module_parameter_registration_hook

from pinn.basis.errors import UserError, require
from pinn.basis.files import read_yaml
from pinn.basis.logs import logger
from pinn.basis.pages import Page
from pinn.basis.rebuilding import TRAINED, is_corrected, rebuild
from pinn.domains.base import Domain
from pinn.networks.base import Network
from pinn.networks.corrected import CorrectedNetwork
from pinn.networks.factorization import RandomWeightFactorization
from pinn.problem import Problem
from pinn.residuals.windowed import whole_residuals
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.solution_file.contents import FIELD_SIZES, FORMAT_VERSION, Contents
from pinn.solution_file.reading import PathLike, locate, read
from pinn.solution_file.soundness import understood
from pinn.terms.unknowns import UNKNOWNS
from pinn.trial.function import TrialFunction
from pinn.trial.making import make_windows
from pinn.trial.windows import WindowedTrial

NETWORKS = (Network, CorrectedNetwork)
NETWORK_PARTS = (*NETWORKS, RandomWeightFactorization)
"""What a file from a stranger may name as its network, and inside it."""

REPLACED = 4  # parameters that are made for one that is kept, at most


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
        trust: run the user's page that is kept in the file, and import what else it names from outside `pinn`; only for
            files of your own. Where the page has changed since, that is told, and the one that is kept is used.
        device: where to evaluate it.
        problem: the problem, where the file's cannot be rebuilt (a class from a notebook).
        network: the network's factory, (inputs=, outputs=) -> nn.Module, likewise.

    Raises:
        UserError: no solution file there, a newer format, a foreign class without `trust`, or a problem or network
            that does not fit.
    """
    contents = read(path := locate(path))
    with understood(path):
        return _loaded(path, contents, trust, device, problem, network)


def _loaded(
    path: Path,
    contents: Contents,
    trust: bool,
    device: str | torch.device,
    problem: Problem | None,
    network: Callable[..., torch.nn.Module] | None,
) -> Solution:
    configuration = read_yaml(contents.configuration) or {}
    require(isinstance(configuration, dict), f"its configuration must be a mapping, got {configuration!r}")
    page = contents.page if trust else None
    if problem is None:
        tell_changes(page, path)
        problem = rebuild(configuration.get("problem"), trust, (Problem,), (Problem, Domain, *UNKNOWNS), page)
    if not isinstance(problem, Problem):
        raise UserError(f"{path} does not say how to rebuild its problem; pass problem=")
    if not trust:
        _check_numbers(configuration.get("network"), contents.parameters)
    network = factory(configuration.get("network"), network, trust, page)
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
        modes=contents.modes,
        results=contents.results,
        configuration=configuration,
        attributes=contents.attributes,
        output=Output(derivatives=tuple(contents.derivatives)),
        nodes=contents.nodes,
    )


def _check_numbers(saved: Any, parameters: Mapping[str, NDArray]) -> None:
    """Raise UserError where a network's configuration has a whole number above that of its parameters."""
    if isinstance(saved, dict | list):
        for entry in saved.values() if isinstance(saved, dict) else saved:
            _check_numbers(entry, parameters)
    count = sum(values.size for values in parameters.values())
    fits = not isinstance(saved, int) or saved <= count
    require(fits, f"parameters do not fit this network: the file has {count:,}, its configuration the number {saved}")


def tell_changes(page: Page | None, run: Path) -> None:
    """Warn where the page of a run, by its folder or file, is no longer what is on the disk."""
    if page is not None and page.changed:
        told = "the page of %s has changed since (%s in %s): the one that is kept with the run is used, not today's"
        logger.warning(told, run, ", ".join(page.changed), page.root)


def factory(saved: Any, given: Callable[..., torch.nn.Module] | None, trust: bool, page: Page | None = None) -> Any:
    """What makes the network of a saved configuration. given: of the trained network, in place of the file's."""
    if given is None:
        return rebuild(saved, trust, NETWORKS, NETWORK_PARTS, page)
    if not is_corrected(saved):
        return given
    return partial(rebuild(saved | {TRAINED: None}, trust, NETWORKS, NETWORK_PARTS, page), trained=given)


def trained(
    problem: Problem,
    network: Callable[..., torch.nn.Module],
    contents: Contents,
    device: str | torch.device,
) -> TrialFunction | WindowedTrial:
    """The trial function of a saved solution; raises UserError where problem or network do not fit its file."""
    attributes = contents.attributes
    require(
        problem.name.replace("_", "") == attributes["problem"].replace("_", ""),  # kdv was kd_v
        f"the file holds a solution of {attributes['problem']}, not of {problem.name}",
    )
    dtype = {"float64": torch.float64, "float32": torch.float32}.get(attributes["dtype"])
    if dtype is None:
        raise UserError(f"the file's dtype must be float64 or float32, got {attributes['dtype']!r}")
    windows = attributes.get("windows", 1)
    require(windows <= max(1, len(contents.parameters)), f"it has {windows:,} windows of time and fewer parameters")
    parameters = contents.parameters.values()
    numbers, arrays = sum(values.size for values in parameters), len(parameters)
    told = f"parameters do not fit this network: the file has {numbers:,} in {arrays:,} arrays, it more"
    with no_larger_than(numbers, arrays, told):
        trial = make_windows(
            problem,
            network,
            [float(end) for end in attributes.get("window_ends", [])] or windows,
            constraints=attributes["constraints"],
            derivatives=attributes["derivatives"],
            dtype=dtype,
            device=device,
            sizes=json.loads(attributes[FIELD_SIZES]) if FIELD_SIZES in attributes else None,
            leveled=int(attributes.get("format_version", FORMAT_VERSION)) > 1,
        )
    trial.load_parameters({name: torch.as_tensor(values) for name, values in contents.parameters.items()})
    return trial


@contextlib.contextmanager
def no_larger_than(numbers: int, arrays: int, told: str) -> Iterator[None]:
    """Raise UserError, `told`, where modules have many more parameters than these: a file's words may ask for any size.

    At the first one that is too many, before it is filled. Layers that are made and then replaced, as by factorized
    ones, count too.
    """
    left = [REPLACED * numbers, REPLACED * arrays]

    def count(module: torch.nn.Module, name: str, parameter: torch.nn.Parameter | None) -> None:
        left[0] -= 0 if parameter is None else parameter.numel()
        left[1] -= 1
        require(min(left) >= 0, told)

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    except RuntimeError as error:
        if "alloc" in str(error):  # torch's words where memory does not suffice
            raise UserError(told) from error
        raise
    finally:
        hook.remove()
