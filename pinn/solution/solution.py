"""The solution of a problem: evaluate it anywhere, measure its error, save it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.late import LATE
from pinn.functionals.base import Functional
from pinn.problem import Problem
from pinn.residuals.residuals import Residuals
from pinn.residuals.windowed import WindowedResiduals
from pinn.solution.beforehand import check_derivatives
from pinn.solution.chunks import points_at_once
from pinn.solution.dataset import to_dataset
from pinn.solution.design import Measurement, next_measurement
from pinn.solution.inference import to_inference_data
from pinn.solution.nodes import fewer_dimensions, interpolated, make_nodes
from pinn.solution.output import Output
from pinn.solution.places import outside, points_of
from pinn.solution.provenance import described, full_configuration, provenance
from pinn.solution.results import measured
from pinn.solution.tabulation import Create, Tabulation, in_memory
from pinn.solution.truth import Truth
from pinn.solution.unknowns import Identified, identified
from pinn.solution_file.contents import FILE_NAME, Contents
from pinn.solution_file.layout import writing
from pinn.solution_file.measured import ErrorEstimate, Measure, error_attributes
from pinn.solution_file.nodes import Nodes
from pinn.solution_file.reading import PathLike
from pinn.solution_file.results import Result, result_attributes
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial

if TYPE_CHECKING:
    import arviz
    import xarray
    from matplotlib.figure import Figure

WRITTEN = ("fields", "derivatives", "reference", "estimate", "residual")
"""What a file holds on its nodes, beside the error against the reference."""

BAND = 2.0  # standard errors to either side


class Solution:
    """A trained trial function with the record of its training.

    Calling it evaluates the fields: `solution(x=0.5, t=numpy.linspace(0, 1, 11))`.

    Args:
        trial: the trained fields.
        residuals: gives the pointwise residuals for the file; None leaves them out.
        history: one array (k,) a metric, all as long as `step`.
        points: the last training points (n, d) of each term.
        diagnosis: `singular_values` of the Jacobian where the run ended, and the columns of `ErrorGrowth`.
        estimate: of each field's error, as a function of points (n, d), or as arrays on `nodes`.
        results: what the problem asks of its solution beside the fields, by name.
        modes: eigenvalues (k,) and eigenfunctions (k, *nodes) by name, where there are several.
        configuration: the resolved configuration, plain data.
        attributes: root attributes of the file: seed, status, wall_seconds, ...
        output: the default of `errors` and `save`.
        nodes: where these take the solution, in place of those that the output would choose.
    """

    def __init__(
        self,
        trial: TrialFunction | WindowedTrial,
        residuals: Residuals | WindowedResiduals | None = None,
        *,
        history: Mapping[str, NDArray] | None = None,
        points: Mapping[str, NDArray] | None = None,
        diagnosis: Mapping[str, NDArray] | None = None,
        estimate: Callable[[Tensor], Mapping[str, Tensor]] | Mapping[str, NDArray] | None = None,
        modes: Mapping[str, NDArray] | None = None,
        results: Mapping[str, Result] | None = None,
        configuration: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
        output: Output | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        self.trial = trial
        self.residuals = residuals
        self.history = {name: np.asarray(values) for name, values in (history or {}).items()}
        self.points = {term: np.asarray(values) for term, values in (points or {}).items()}
        self.diagnosis = dict(diagnosis or {})
        self.estimate = estimate or {}
        self.modes = dict(modes or {})
        self.results = dict(results or {})
        self.configuration = dict(configuration or {})
        self.attributes = dict(attributes or {})
        self.output = output or Output()
        self._given_nodes = nodes
        self._truth = Truth(self.problem, self.output.chunk)
        self._extrapolation_noted = False

    @property
    def problem(self) -> Problem:
        return self.trial.problem

    @property
    def fields(self) -> tuple[str, ...]:
        return self.problem.vocabulary.fields

    @property
    def unknowns(self) -> dict[str, Identified]:
        """What was identified: numbers, with `standard_error`, `interval(0.95)` and `correlations`."""
        attributes = self.attributes | Measure.UNKNOWN.entries(self.trial.unknowns)
        return identified(attributes, self.diagnosis, self.trial.windows[0].curves)

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

    def band(self, **coordinates: ArrayLike) -> NDArray | dict[str, NDArray]:
        """Two standard errors of the field by the noise of data, at points as in a call: it lies within u +- that.

        Of a loaded solution it is interpolated linearly from the nodes of its file.

        Raises:
            UserError: as a call, or there is none: data without a noise, or not what is left.
        """
        told = f"{self.problem.name} has no band: its data have no noise that is given, or the run is not down to it"
        require(self._has_band, told)
        points, shape = self._points(coordinates)
        if callable(self.estimate):
            errors = self._chunked(self.estimate, points)
        else:
            errors = interpolated(self._nodes(None), self.estimate, self.problem.coordinates, points)
        values = {name: (BAND * error).reshape(shape)[()] for name, error in errors.items()}
        return values[self.fields[0]] if len(self.fields) == 1 else values

    def measure(self, functional: Functional) -> Result:
        """What a functional comes to, such as `solution.measure(pinn.Average("u"))`, without an estimate of its error.

        Raises:
            UserError: it asks for what there is not.
        """
        functional.check(self.problem.domain, self.problem.vocabulary, "this functional")
        return measured(functional, self.trial)

    def next_measurement(
        self,
        quantity: str,
        of: str | None = None,
        *,
        candidates: Mapping[str, ArrayLike] | None = None,
        noise: float | None = None,
    ) -> Measurement:
        """Where one more measurement of a quantity shrinks the error bar of unknowns, or of a field, most: `.best`.

        quantity: a field, derivative or derived quantity. of: an unknown, or a field's band; by default all unknowns,
        or the first field. candidates: places as in a call, by default anywhere in the domain. noise: its standard
        deviation, by default as of the quantity's data.

        Raises:
            UserError: as `band`, or what is asked for means nothing.
        """
        return next_measurement(self.trial, self.diagnosis, quantity, of, candidates, noise)

    def grid(self, output: Output | None = None) -> dict[str, NDArray]:
        """The values (k,) of each coordinate on the file's nodes."""
        return self._nodes(output).axes

    def errors(self, output: Output | None = None) -> dict[str, dict[str, float]]:
        """Field -> `relative_l2` and `max` of its error on the file's nodes; empty where no truth is known.

        relative_l2 = sqrt(sum |u - truth|^2 / sum |truth|^2). The mean over space is taken off a field that is
        defined up to a constant.
        """
        if self.problem.truth_kind is None:
            return {}
        nodes = self._nodes(output)
        return self._tabulate(nodes, in_memory(nodes), ("fields", "reference"))

    def save(self, path: PathLike, output: Output | None = None) -> Path:
        """Write the solution file (and its sidecar for ParaView), whole or not at all; returns its path.

        `path` is a file's name or an existing folder, where it becomes `solution.h5`.

        Raises:
            UserError: it cannot be written, or a derivative that is asked for means nothing.
        """
        path = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
        contents = self._without_arrays(output)
        with writing(path, contents) as arrays:
            contents.attributes |= error_attributes(self._tabulate(contents.nodes, arrays.create, output=output))
        return path

    def contents(self, output: Output | None = None) -> Contents:
        """All that `save` writes, in memory."""
        contents = self._without_arrays(output)
        make = in_memory(contents.nodes)

        def create(group: str, name: str, dtype: np.dtype) -> NDArray:
            return getattr(contents, group).setdefault(name, make(group, name, dtype))

        contents.attributes |= error_attributes(self._tabulate(contents.nodes, create, output=output))
        return contents

    def compare(self, other: Solution, output: Output | None = None) -> dict[str, dict[str, float]]:
        """Field -> `relative_l2` and `max` of the difference to another solution, on this one's nodes.

        Raises:
            UserError: they have other coordinates, or no field in common.
        """
        require(
            other.problem.coordinates == self.problem.coordinates,
            f"solutions with the coordinates {self.problem.coordinates} and {other.problem.coordinates} do not compare",
        )
        common = tuple(name for name in self.fields if name in other.fields)
        require(bool(common), f"no field in common: {', '.join(self.fields)} and {', '.join(other.fields)}")
        nodes = self._nodes(output)
        tabulation = Tabulation(nodes, self.problem.coordinates, in_memory(nodes))
        tabulation.fill(
            {
                group: partial(solution._chunked, partial(solution.trial.evaluate, common))
                for group, solution in (("fields", self), ("reference", other))
            }
        )
        return {name: tabulation.compare(name, name in self.problem.defined_up_to_constant) for name in common}

    def to_xarray(self, output: Output | None = None) -> xarray.Dataset:
        """All that `save` writes on the nodes, as an xarray.Dataset: `u`, `reference_u`, `error_u`, `estimate_u`,
        `residual_<term>`, `band_u`.

        Raises:
            UserError: xarray is not installed.
        """
        return to_dataset(self.contents(output))

    def to_arviz(self, draws: int = 4000, seed: int = 0) -> arviz.InferenceData:
        """Samples of the unknowns for ArviZ: those of `output.samples`, else by Laplace's approximation.

        Raises:
            UserError: there are none, their standard errors are not known, or ArviZ is not installed.
        """
        return to_inference_data(self.unknowns, draws, seed)

    def plot(self, path: PathLike | None = None) -> Figure:
        """The figure that a run draws of its solution, saved to `path` where one is given."""
        return LATE["plot"](self.contents(), path)

    def report(self, path: PathLike) -> Path:
        """Write the page that a run has as `report.html`: errors, residuals, equation, figures, configuration.

        Raises:
            UserError: it cannot be written.
        """
        return LATE["report"](self.contents(), path)

    def _without_arrays(self, output: Output | None) -> Contents:
        """The contents of the file but the arrays on its nodes; modes where they are of these."""
        nodes = self._nodes(output)
        known = Measure.UNKNOWN.entries(self.trial.unknowns) | result_attributes(self.results)
        own = all(q.shape[1:] in ((), nodes.shape) for q in self.modes.values())
        return Contents(
            nodes,
            self.problem.coordinates,
            history=self.history,
            parameters={name: value.cpu().numpy() for name, value in self.trial.parameters().items()},
            points=self.points,
            diagnosis=self.diagnosis,
            modes=self.modes if own else {},
            results=self.results,
            configuration=yaml.safe_dump(
                full_configuration(self.trial, self.configuration), sort_keys=False, allow_unicode=True
            ),
            attributes=provenance() | described(self.trial) | self.attributes | known,
            units=dict(self.problem.units),
            long_names=dict(self.problem.long_names),
            fewer=fewer_dimensions(self.problem, nodes),
            page=self.problem.page,
        )

    @property
    def nodes(self) -> Nodes:
        """The nodes of its file."""
        return self._nodes(None)

    def _nodes(self, output: Output | None) -> Nodes:
        if output is None and self._given_nodes is not None:
            return self._given_nodes
        return make_nodes(self.problem.domain, (output or self.output).resolution)

    def _tabulate(
        self, nodes: Nodes, create: Create, groups: Sequence[str] = WRITTEN, output: Output | None = None
    ) -> dict[str, dict[str, float]]:
        """Fill the arrays of these groups on the nodes; returns the errors of the fields."""
        tabulation = Tabulation(nodes, self.problem.coordinates, create)
        functions = {
            "fields": partial(self._chunked, partial(self.trial.evaluate, self.fields)),
            "derivatives": partial(self._chunked, self._derivatives(output or self.output)),
            "reference": partial(self._truth.at, of=nodes.size),
            "estimate": partial(self._chunked, self.estimate if callable(self.estimate) else lambda x: {}),
            "residual": partial(self._chunked, self.residuals.pointwise if self.residuals else lambda x: {}),
        }
        tabulation.fill({group: functions[group] for group in groups})
        compared = tabulation.groups.get("reference", {})
        free = self.problem.defined_up_to_constant
        if "estimate" in groups and not callable(self.estimate) and nodes is self._given_nodes:
            tabulation.copy("estimate", self.estimate)
        for name in set() if self._has_band else set(free) & tabulation.groups.get("estimate", {}).keys():
            tabulation.center("estimate", name)
        if self._has_band:
            tabulation.multiply("band", "estimate", BAND)
        return {name: tabulation.compare(name, name in free) for name in compared}

    @property
    def _has_band(self) -> bool:
        """Whether the estimated errors are standard errors by the noise of data."""
        return self.attributes.get(ErrorEstimate.WAY) == ErrorEstimate.NOISE

    def _derivatives(self, output: Output) -> Callable[[Tensor], Mapping[str, Tensor]]:
        """The quantities that the output asks for as a function of points; raises UserError for one of no meaning."""
        names = tuple(output.derivatives)
        check_derivatives(self.trial.windows[0], names)
        if not names:
            return lambda points: {}
        return partial(self.trial.evaluate, names)

    def _evaluate(self, names: Sequence[str], coordinates: Mapping[str, ArrayLike]) -> dict[str, NDArray]:
        points, shape = self._points(coordinates)
        values = self._chunked(lambda part: self.trial.evaluate(names, part), points)
        return {name: array.reshape(shape + array.shape[1:])[()] for name, array in values.items()}

    def _points(self, coordinates: Mapping[str, ArrayLike]) -> tuple[NDArray, tuple[int, ...]]:
        """Coordinates by name as points (n, d), and the shape that they broadcast to."""
        points, shape = points_of(self.problem, coordinates)
        told = "" if self._extrapolation_noted else outside(self.problem.domain, points)
        if told:
            self._extrapolation_noted = True
            warnings.warn(told, stacklevel=4)
        return points, shape

    def _chunked(self, function: Callable[[Tensor], Mapping[str, Tensor]], points: NDArray) -> dict[str, NDArray]:
        """`function` of points (n, d), a chunk at a time: in the order of time where windows follow each other.

        What was before a window is remembered by places, which are the same at all times of a grid.
        """
        order = None
        if len(self.trial.windows) > 1 and len(points) > self._chunk:
            order = np.argsort(points[:, self.problem.coordinates.index(str(self.problem.domain.time))], kind="stable")
            points = points[order]
        parts: dict[str, list[NDArray]] = {}
        with torch.no_grad():
            for chunk in torch.as_tensor(points, dtype=self.trial.dtype).split(self._chunk):
                for name, values in function(chunk.to(self.trial.device)).items():
                    parts.setdefault(name, []).append(values.cpu().numpy())
        back = slice(None) if order is None else np.argsort(order)
        return {name: np.concatenate(arrays)[back] for name, arrays in parts.items()}

    @property
    def _chunk(self) -> int:
        """Points that are evaluated at once."""
        return self.output.chunk or points_at_once(self.trial)
