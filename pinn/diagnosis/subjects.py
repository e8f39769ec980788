"""What a check of derivatives looks at: names at points, by each engine; made from a problem or from a function."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from pinn.basis.errors import require
from pinn.derivatives.evaluation import FieldFunction, Given, Request, reverse, taylor
from pinn.derivatives.jets import Fields, Jet, Values
from pinn.derivatives.names import Vocabulary
from pinn.derivatives.operators import Function, checked, one_point
from pinn.domains.region import Region
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import Points
from pinn.sampling.sequences import SobolSampler
from pinn.trial.function import NetworkFactory, TrialFunction
from pinn.trial.making import make_trial

INTERIOR, BOUNDARY = 16, 6  # points a region or side: few, since every one is an independent test
MOST = 64  # points of a region: a quadrature has hundreds
DISTURBANCE = 0.1  # of fresh parameters, so that gates and biases that start at zero take part

# evaluate(engine, request, points, normal) -> the request's names
Evaluate = Callable[[str, Request, Tensor, Tensor | None], dict[str, Tensor]]


@dataclass(frozen=True)
class Sample:
    """Names to be compared at points (n, d) of a region, with the normals (n, d) of a boundary."""

    where: str
    request: Request
    points: Tensor
    normal: Tensor | None = None


@dataclass(frozen=True)
class Subject:
    """Something with named quantities in d coordinates that two engines can evaluate.

    samples: what is compared where. domain: points (n, d) by which a quantity's size is judged. lengths: (d,), one a
    coordinate, on which quantities vary. make_request: names -> Request. evaluate: by engine. complex_fields: the
    fields (n,) at complex points (n, d).
    """

    samples: tuple[Sample, ...]
    domain: Tensor
    lengths: Tensor
    make_request: Callable[[Sequence[str]], Request]
    evaluate: Evaluate
    complex_fields: FieldFunction


def problem_subject(
    problem: Problem, network: NetworkFactory | None, constraints: str, points: Tensor | None, seed: int
) -> Subject:
    """A problem with a fresh network in double precision, its parameters disturbed, so that none of them is zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trial = make_trial(problem, network or MLP, constraints=constraints, derivatives="reverse")
        with torch.no_grad():
            for name, parameter in trial.network.named_parameters():
                if not name.startswith("unknowns."):
                    parameter.add_(DISTURBANCE * torch.randn_like(parameter))
    return trial_subject(trial, points, seed)


def trial_subject(trial: TrialFunction, points: Tensor | None, seed: int) -> Subject:
    """A trial function as it is, trained perhaps, in double precision: every name that its residuals ask for."""
    problem, network = trial.problem, copy.deepcopy(trial.network).double()
    engines = {
        engine: TrialFunction(problem, network, trial.ansatz, derivatives=engine) for engine in ("taylor", "reverse")
    }
    generator, sampler = torch.Generator().manual_seed(seed), SobolSampler(interior=INTERIOR, boundary=BOUNDARY)

    def draw(region: Region) -> Points:
        if points is not None and region.is_whole:
            return Points(_in_domain(points, problem).to(trial.device, torch.float64))
        return sampler.draw(problem.domain, region, generator).to(torch.float64, trial.device)

    def evaluate(engine: str, request: Request, at: Tensor, normal: Tensor | None) -> dict[str, Tensor]:
        with torch.no_grad():
            return engines[engine].evaluate_with(request, at, engines[engine].parameters(), normal)

    bounds = torch.tensor(list(problem.domain.bounds.values()), dtype=torch.float64, device=trial.device)
    samples = []
    for where, group in Residuals(engines["reverse"]).regions.items():
        drawn, few = draw(group.region), slice(0, MOST)
        normal = None if drawn.normal is None else drawn.normal[few]
        samples.append(Sample(where, group.request, drawn.x[few], normal))
    return Subject(
        tuple(samples),
        draw(Region()).x,
        bounds[:, 1] - bounds[:, 0],
        engines["reverse"].request,
        evaluate,
        engines["reverse"].field_function(_complex_state(network)),
    )


def function_subject(f: Function, points: Tensor, order: int) -> Subject:
    """All derivatives up to `order` of a function of one point, or of a module of batches, at points (n, d).

    Its components are called f1 ... fm, or f where there is one; its coordinates x1 ... xd, or x.
    """
    points = checked(points).double()
    f = copy.deepcopy(f).double() if isinstance(f, nn.Module) else f
    value = one_point(f)(points[0])
    d, m = points.shape[1], value.numel()
    coordinates = tuple(f"x{i + 1}" for i in range(d)) if d > 1 else ("x",)
    fields = tuple(f"f{k + 1}" for k in range(m)) if m > 1 else ("f",)
    vocabulary = Vocabulary(coordinates, fields)

    def make_request(names: Sequence[str]) -> Request:
        return Request(vocabulary, {}, tuple(names))

    def columns(x: Values) -> Fields:
        outputs = _batched(f, x)
        return {name: outputs[:, k] if len(outputs.shape) > 1 else outputs for k, name in enumerate(fields)}

    def evaluate(engine: str, request: Request, at: Tensor, normal: Tensor | None) -> dict[str, Tensor]:
        with torch.no_grad():
            return (taylor if engine == "taylor" else reverse)(request, columns, at, Given())

    names = [f"{field}{suffix}" for field in fields for suffix in _suffixes(coordinates, order)]
    lengths = points.abs().amax(0)
    lengths = torch.where(lengths > 0, lengths, 1.0)
    sample = Sample("the given points", make_request(names), points)
    return Subject((sample,), points, lengths, make_request, evaluate, columns)


def _suffixes(coordinates: Sequence[str], order: int) -> list[str]:
    """Of the derivatives up to `order`: "", "_x1", "_x2", "_x1x1", "_x1x2", ..."""
    choices = (combinations_with_replacement(coordinates, k) for k in range(1, order + 1))
    return ["", *("_" + "".join(choice) for same in choices for choice in same)]


def _batched(f: Function, x: Values) -> Values:
    """f at points (n, d), real or complex tensors or a jet: (n,) or (n, m)."""
    if isinstance(f, nn.Module):
        if isinstance(x, Tensor) and x.is_complex():
            return functional_call(f, _complex_state(f), (x,))
        return f(x)
    if isinstance(x, Tensor):
        return vmap(f)(x)

    def at(coefficients: Tensor) -> Tensor:  # (c, d) of one point
        value = f(Jet(coefficients, x.channels))  # type: ignore[arg-type]
        if isinstance(value, Jet):
            return value.coefficients
        return torch.cat([value.unsqueeze(0), value.new_zeros(len(x.channels) - 1, *value.shape)])

    return Jet(vmap(at, 1)(x.coefficients).movedim(0, 1), x.channels)


def _complex_state(module: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers by name, floating-point ones made complex."""
    state = (*module.named_parameters(), *module.named_buffers())
    return {name: t.to(torch.complex128) if t.is_floating_point() else t for name, t in state}


def _in_domain(points: Tensor, problem: Problem) -> Tensor:
    d = len(problem.coordinates)
    got = tuple(checked(points).shape)
    require(got[1] == d, f"points must have {d} columns ({', '.join(problem.coordinates)}), got the shape {got}")
    return points
