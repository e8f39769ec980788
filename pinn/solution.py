"""The solution of a problem: evaluate it anywhere, measure its error, save and load it."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinn.configurable import Configurable
from pinn.errors import UserError, require
from pinn.problem import Problem
from pinn.rebuilding import rebuild
from pinn.residuals import Residuals
from pinn.solution_file import FILE_NAME, Contents, locate, read, write
from pinn.solution_nodes import Nodes, make_nodes
from pinn.solution_provenance import provenance
from pinn.trial import TrialFunction
from pinn.windows import WindowedResiduals, WindowedTrial, make_windows, whole_residuals

TRUTH_CHUNK = 8192
"""Points at which the truth is asked for at once: a quadrature may hold hundreds of values for each."""


@dataclass(frozen=True)
class Output(Configurable):
    """What a run writes.

    Args:
        resolution: nodes of the solution file along every dimension, or by its name ({"x": 513, "t": 201}; `node`
            counts scattered ones); None chooses by the number of dimensions.
        chunk: points that are evaluated at once, at least 1; smaller needs less memory.
        figures: whether figures are drawn beside the file.

    Raises:
        UserError: a resolution below 2 or a chunk below 1.
    """

    resolution: int | Mapping[str, int] | None = None
    chunk: int = 65536
    figures: bool = True

    def __post_init__(self) -> None:
        require(
            isinstance(self.chunk, int) and self.chunk >= 1,
            f"output.chunk must be a number >= 1, got {self.chunk!r}",
        )
        chosen = self.resolution
        counts = chosen.values() if isinstance(chosen, Mapping) else [] if chosen is None else [chosen]
        for count in counts:
            whole = isinstance(count, int) and not isinstance(count, bool)
            require(whole and count >= 2, f"output.resolution must be whole numbers >= 2, got {count!r}")


class Solution:
    """A trained trial function with the record of its training.

    Calling it evaluates the fields: `solution(x=0.5, t=numpy.linspace(0, 1, 11))`.

    Args:
        trial: the trained fields.
        residuals: gives the pointwise residuals for the file; None leaves them out.
        history: one array (k,) a metric, all as long as `step`.
        points: the last training points (n, d) of each term.
        configuration: the resolved configuration, plain data.
        attributes: root attributes of the file: seed, status, wall_seconds, ...
        output: the default of `errors` and `save`.
    """

    def __init__(
        self,
        trial: TrialFunction | WindowedTrial,
        residuals: Residuals | WindowedResiduals | None = None,
        *,
        history: Mapping[str, NDArray] | None = None,
        points: Mapping[str, NDArray] | None = None,
        configuration: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
        output: Output | None = None,
    ) -> None:
        self.trial = trial
        self.residuals = residuals
        self.history = {name: np.asarray(values) for name, values in (history or {}).items()}
        self.points = {term: np.asarray(values) for term, values in (points or {}).items()}
        self.configuration = dict(configuration or {})
        self.attributes = dict(attributes or {})
        self.output = output or Output()
        self._truths: dict[tuple[int, ...], dict[str, NDArray]] = {}
        self._extrapolation_noted = False

    @property
    def problem(self) -> Problem:
        return self.trial.problem

    @property
    def fields(self) -> tuple[str, ...]:
        return self.problem.vocabulary.fields

    def __repr__(self) -> str:
        coordinates = ", ".join(self.problem.coordinates)
        return f"<Solution of {self.problem.name}: {', '.join(f'{name}({coordinates})' for name in self.fields)}>"

    def __call__(self, **coordinates: ArrayLike) -> NDArray | dict[str, NDArray]:
        """The field at points given by coordinate, broadcast against each other; several fields by name.

        Returns an array of the broadcast shape, a number where all are numbers; for a problem of several fields a
        dict of them. Warns once where a point lies outside the domain.

        Raises:
            UserError: a coordinate is missing, unknown or not numeric, or the shapes do not broadcast.
        """
        values = self._evaluate(self.fields, coordinates)
        return values[self.fields[0]] if len(self.fields) == 1 else values

    def derivative(self, name: str, **coordinates: ArrayLike) -> NDArray:
        """A named quantity such as `u_x`, `u_xxt`, `laplacian_u` or a derived one, at points as in a call.

        The shape is the broadcast one; `jacobian` and `hessian` have (m, d) and (m, d, d) after it.

        Raises:
            UserError: as a call, or the name means nothing.
        """
        return self._evaluate((name,), coordinates)[name]

    def grid(self, output: Output | None = None) -> dict[str, NDArray]:
        """The values (k,) of each coordinate on the file's nodes."""
        return self._nodes(output).axes

    def errors(self, output: Output | None = None) -> dict[str, dict[str, float]]:
        """Field -> `relative_l2` and `max` of its error on the file's nodes; empty where no truth is known.

        relative_l2 = sqrt(sum |u - truth|^2 / sum |truth|^2). The mean over space is taken off a field that is
        defined up to a constant.
        """
        nodes = self._nodes(output)
        truth = self._truth(nodes)
        fields = self._on_nodes(self._values, nodes) if truth else {}
        return {name: measure(*self._compared(name, fields[name], truth[name], nodes)) for name in truth}

    def save(self, path: str | os.PathLike[str], output: Output | None = None) -> Path:
        """Write the solution file (and its sidecar for ParaView), whole or not at all; returns its path.

        `path` is a file's name or an existing folder, where it becomes `solution.h5`.

        Raises:
            UserError: it cannot be written.
        """
        path = Path(path)
        path = path / FILE_NAME if path.is_dir() else path
        write(path, self.contents(output))
        return path

    def contents(self, output: Output | None = None) -> Contents:
        """All that `save` writes."""
        nodes = self._nodes(output)
        fields, truth = self._on_nodes(self._values, nodes), self._truth(nodes)
        compared = {name: self._compared(name, fields[name], truth[name], nodes) for name in truth}
        return Contents(
            nodes,
            self.problem.coordinates,
            fields=fields,
            reference=truth,
            error={name: values - reference for name, (values, reference) in compared.items()},
            residual=self._on_nodes(self.residuals.pointwise, nodes) if self.residuals else {},
            history=self.history,
            parameters={name: value.cpu().numpy() for name, value in self.trial.parameters().items()},
            points=self.points,
            configuration=yaml.safe_dump(self._full_configuration(), sort_keys=False, allow_unicode=True),
            attributes=self._root_attributes({name: measure(*pair) for name, pair in compared.items()}),
            units=dict(self.problem.units),
            long_names=dict(self.problem.long_names),
        )

    def _nodes(self, output: Output | None) -> Nodes:
        domain = self.problem.domain
        require(domain.is_box, f"solution files are written for boxes only, got {type(domain).__name__}")
        resolution = (output or self.output).resolution
        return make_nodes(domain.coordinates, domain.bounds, domain.time, resolution)

    def _evaluate(self, names: Sequence[str], coordinates: Mapping[str, ArrayLike]) -> dict[str, NDArray]:
        points, shape = self._points(coordinates)
        values = self._chunked(lambda part: self.trial.evaluate(names, part), points)
        return {name: array.reshape(shape + array.shape[1:])[()] for name, array in values.items()}

    def _points(self, coordinates: Mapping[str, ArrayLike]) -> tuple[NDArray, tuple[int, ...]]:
        """Coordinates by name as points (n, d), and the shape that they broadcast to."""
        expected = self.problem.coordinates
        wrong = sorted(set(coordinates) ^ set(expected))
        got = ", ".join(coordinates) or "none"
        require(not wrong, f"the coordinates of {self.problem.name} are {', '.join(expected)}; got {got}")
        try:
            columns = np.broadcast_arrays(*(np.asarray(coordinates[name], dtype=np.float64) for name in expected))
        except (TypeError, ValueError) as error:
            raise UserError(f"coordinates must be numbers or arrays that broadcast: {error}") from error
        points = np.stack([column.reshape(-1) for column in columns], axis=1)
        self._note_extrapolation(points)
        return points, columns[0].shape

    def _note_extrapolation(self, points: NDArray) -> None:
        lowest, highest = np.array(list(self.problem.domain.bounds.values())).T
        slack = 1e-12 * (highest - lowest)  # rounding in a user's linspace is no extrapolation
        outside = ((points < lowest - slack) | (points > highest + slack)).any(axis=1).sum()
        if outside and not self._extrapolation_noted:
            self._extrapolation_noted = True
            bounds = ", ".join(f"{name} in [{a:g}, {b:g}]" for name, (a, b) in self.problem.domain.bounds.items())
            warnings.warn(
                f"{outside} of {len(points)} points lie outside the domain ({bounds}): the solution was not trained "
                "there",
                stacklevel=5,
            )

    def _values(self, points: Tensor) -> dict[str, Tensor]:
        return self.trial.evaluate(self.fields, points)

    def _on_nodes(self, function: Callable[[Tensor], Mapping[str, Tensor]], nodes: Nodes) -> dict[str, NDArray]:
        values = self._chunked(function, nodes.points(self.problem.coordinates))
        return {name: array.reshape(nodes.shape) for name, array in values.items()}

    def _chunked(self, function: Callable[[Tensor], Mapping[str, Tensor]], points: NDArray) -> dict[str, NDArray]:
        """`function` of points (n, d), a chunk at a time."""
        parts: dict[str, list[NDArray]] = {}
        with torch.no_grad():
            for chunk in torch.as_tensor(points, dtype=self.trial.dtype).split(self.output.chunk):
                for name, values in function(chunk.to(self.trial.device)).items():
                    parts.setdefault(name, []).append(values.cpu().numpy())
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    def _truth(self, nodes: Nodes) -> dict[str, NDArray]:
        """The exact or reference solution on the nodes, computed once."""
        if nodes.shape not in self._truths:
            points = nodes.points(self.problem.coordinates)
            size = min(self.output.chunk, TRUTH_CHUNK)
            pieces = [points[start : start + size] for start in range(0, len(points), size)]
            found = [self.problem.truth(piece) or {} for piece in pieces]
            self._truths[nodes.shape] = {
                name: np.concatenate([piece[name] for piece in found]).reshape(nodes.shape) for name in found[0]
            }
        return self._truths[nodes.shape]

    def _compared(self, name: str, values: NDArray, truth: NDArray, nodes: Nodes) -> tuple[NDArray, NDArray]:
        """A field and its truth in float64, each less its mean over space where a constant is free."""
        values, truth = values.astype(np.float64), truth.astype(np.float64)
        if name not in self.problem.defined_up_to_constant:
            return values, truth
        space = tuple(index for index, dimension in enumerate(nodes.dimensions) if dimension != nodes.time)
        return values - values.mean(axis=space, keepdims=True), truth - truth.mean(axis=space, keepdims=True)

    def _full_configuration(self) -> dict[str, Any]:
        """The configuration, with all constructor arguments of problem and network, defaults included."""
        full = dict(self.configuration)
        full["problem"] = dict(full.get("problem") or {}) | self.problem.configuration
        core = self.trial.network.core
        if isinstance(core, Configurable):
            arguments = {name: value for name, value in core.configuration.items() if name not in ("inputs", "outputs")}
            full["network"] = dict(full.get("network") or {}) | arguments | {"_partial_": True}
        return full

    def _root_attributes(self, errors: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
        """The file's root attributes: where it comes from, how it was run and how large its errors are."""
        trial, problem = self.trial, self.problem
        described = {
            "title": problem.title,
            "problem": problem.name,
            "truth": problem.truth_kind,
            "dtype": str(trial.dtype).removeprefix("torch."),
            "device": str(trial.device),
            "constraints": trial.constraints,
            "derivatives": trial.derivatives,
            "windows": len(trial.windows),
            "defined_up_to_constant": " ".join(problem.defined_up_to_constant) or None,
        }
        measured = {f"relative_l2_{name}": error["relative_l2"] for name, error in errors.items()}
        measured |= {f"max_error_{name}": error["max"] for name, error in errors.items()}
        measured |= {f"unknown_{name}": value for name, value in trial.unknowns.items()}
        return provenance() | described | self.attributes | measured


def measure(values: NDArray, truth: NDArray) -> dict[str, float]:
    """The relative L2 and the maximum error; NaN for the former where the truth is zero everywhere."""
    error = np.abs(values - truth)
    scale = float(np.sum(truth**2))
    return {
        "relative_l2": math.sqrt(float(np.sum(error**2)) / scale) if scale > 0 else math.nan,
        "max": float(error.max()),
    }


def load(
    path: str | os.PathLike[str],
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
    network = network or rebuild(configuration.get("network"), trust)
    if not callable(network):
        raise UserError(f"{path} does not say how to rebuild its network; pass network=")
    trial = trained(problem, network, contents, device)
    resolution = dict(zip(contents.nodes.dimensions, contents.nodes.shape, strict=True))
    return Solution(
        trial,
        whole_residuals(trial),
        history=contents.history,
        points=contents.points,
        configuration=configuration,
        attributes=contents.attributes,
        output=Output(resolution=resolution),
    )


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
        attributes.get("windows", 1),
        constraints=attributes["constraints"],
        derivatives=attributes["derivatives"],
        dtype=dtype,
        device=device,
    )
    trial.load_parameters({name: torch.as_tensor(values) for name, values in contents.parameters.items()})
    return trial
