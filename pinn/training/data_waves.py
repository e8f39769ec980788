"""The waves of a problem's data: spectra of its sources, initial and boundary values along lines."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from pinn.derivatives.names import Symbol
from pinn.residuals.blocks import Block, RegionBlocks, slopes
from pinn.residuals.residuals import Residuals
from pinn.sampling.given import GivenRegion
from pinn.sampling.points import Points
from pinn.sampling.sequences import UniformSampler
from pinn.training.feature_starts import Waves

LINES, SAMPLES = 6, 512  # lines of a region along each coordinate, and places on each
VARYING = 1e-5  # share of a spectrum below which an equation does not vary along a coordinate
CARRIED = 0.995  # share of the power that the waves up to `highest` carry
LINE = 0.98  # share of the power that a few lines carry where a spectrum is made of lines
LOBE, MOST_LINES = 3, 2  # frequencies to each side that belong to a line in a window of Hann's; lines at most


Term = dict[tuple[int, ...], float]  # of one field in one equation: orders of a derivative -> its coefficient


def data_waves(residuals: Residuals) -> list[Waves | None]:
    """The waves along each coordinate that drive the residuals where the network's outputs are zero; None for no data.

    residuals: of a trial function whose last layer is zero: what is left of an equation then are its sources and the
    initial and boundary values, be they in the loss or in the ansatz. A coordinate along which none of them varies
    takes its waves from the others by the equations' balance (see `balanced`).
    """
    trial, found = residuals.trial, []
    for name, spectrum in zip(trial.domain.coordinates, spectra(residuals), strict=True):
        whole, own = (upper - lower for lower, upper in (trial.problem.domain.bounds[name], trial.domain.bounds[name]))
        found.append(waves_of(spectrum, whole / own))
    return balanced(found, list(linearized(residuals))) if None in found else found


def spectra(residuals: Residuals) -> list[np.ndarray]:
    """Along each coordinate the power (SAMPLES / 2 + 1,) of all equations together, the share of each that varies."""
    domain, parameters = residuals.trial.domain, residuals.trial.parameters()
    total = [np.zeros(SAMPLES // 2 + 1) for _ in domain.coordinates]
    drawn = _few(residuals)
    for group, points in drawn:
        for i, name in enumerate(domain.coordinates):
            lower, upper = domain.bounds[name]
            places = lower + (upper - lower) * (torch.arange(SAMPLES).to(points.x) + 0.5) / SAMPLES
            x = points.x.repeat_interleave(SAMPLES, 0)
            x[:, i] = places.repeat(len(points))
            inside = domain.contains(x.double().cpu().numpy()) if group.region.is_interior else np.full(len(x), True)
            normal = None if points.normal is None else points.normal.repeat_interleave(SAMPLES, 0)
            with torch.no_grad():
                rows = residuals.region_values(group, Points(x, normal), parameters)
            for row in rows:
                total[i] += power(row.double().cpu().numpy().reshape(-1, SAMPLES), inside.reshape(-1, SAMPLES))
    return total


def _few(residuals: Residuals) -> Iterator[tuple[RegionBlocks, Points]]:
    """A few points of each region whose equations hold at any of its points alone."""
    sampler, generator = UniformSampler(interior=LINES, boundary=LINES), torch.Generator().manual_seed(0)
    for group in residuals.regions.values():
        if isinstance(group.region, GivenRegion) or group.region.period is not None:
            continue
        points = sampler.draw(residuals.trial.domain, group.region, generator)
        yield group, points.to(residuals.trial.dtype, residuals.trial.device)


def power(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The power spectrum of lines (k, SAMPLES) in all, over that of their values: at most 1 in sum.

    Without means and trends, and in a window of Hann's (Harris 1978, 10.1109/PROC.1978.10837), for the lines are no
    periods. Values outside the domain are interpolated from those inside.
    """
    window = np.hanning(SAMPLES + 2)[1:-1]
    trend = np.stack([np.ones(SAMPLES), np.linspace(-1.0, 1.0, SAMPLES)], 1)
    place, spectrum, whole = np.arange(SAMPLES), np.zeros(SAMPLES // 2 + 1), 0.0
    for line, kept in zip(values, inside & np.isfinite(values), strict=True):
        if kept.sum() < SAMPLES // 4:
            continue
        y = np.interp(place, place[kept], line[kept])
        whole += float(np.abs(np.fft.fft(window * y)) @ np.abs(np.fft.fft(window * y))) / 2
        y = y - trend @ np.linalg.lstsq(trend, y, rcond=None)[0]
        spectrum += np.abs(np.fft.rfft(window * y)) ** 2
    spectrum[0] = 0.0
    share = spectrum / whole if whole > 0 else spectrum
    return share if share.sum() > VARYING else np.zeros_like(spectrum)


def waves_of(spectrum: np.ndarray, unit: float = 1.0) -> Waves | None:
    """The waves that carry a power spectrum whose frequencies are whole numbers of periods; None where it is zero.

    unit: the length of the domain over that of the lines, a window of it.
    """
    if not spectrum.sum() > 0:
        return None
    share = spectrum / spectrum.sum()
    highest = int(np.searchsorted(share.cumsum(), CARRIED)) - 1  # a line is in three frequencies of the window
    lines: list[float] = []
    left, frequency = share.copy(), np.arange(len(share))
    while left.sum() > 1.0 - LINE and len(lines) < MOST_LINES:
        peak = int(left.argmax())
        lobe = slice(max(peak - LOBE, 0), peak + LOBE + 1)
        lines.append(math.pi * unit * float(left[lobe] @ frequency[lobe] / left[lobe].sum()))
        left[lobe] = 0.0
    return Waves(math.pi * unit * max(highest, 0.5), tuple(sorted(lines)) if left.sum() <= 1.0 - LINE else ())


def linearized(residuals: Residuals) -> Iterator[Term]:
    """Each field's derivatives in each equation, linearized at zero outputs, with coordinates scaled to [-1, 1]."""
    trial = residuals.trial
    half = [(upper - lower) / 2 for lower, upper in trial.problem.domain.bounds.values()]
    for group, points in _few(residuals):
        if group.region.is_interior:
            names = list(dict.fromkeys(name for block in group.blocks for name in block.equation.arguments))
            with torch.no_grad():
                values = trial.evaluate(names, points.x)
            for block in group.blocks:
                yield from _derivatives_of(block, values, residuals, half)


def _derivatives_of(
    block: Block, values: dict[str, Tensor], residuals: Residuals, half: Sequence[float]
) -> Iterator[Term]:
    vocabulary, by_field = residuals.trial.problem.vocabulary, dict[str, Term]()
    arguments = block.equation.arguments
    for name, slope in zip(
        arguments, slopes(block.equation.function, [values[name] for name in arguments]), strict=True
    ):
        quantity = vocabulary.resolve(name, block.equation.name)
        if slope is None or slope.ndim == 0 or not isinstance(quantity.symbol, Symbol):
            continue
        size = float(slope.mean())
        for part, factor in quantity.symbol.expanded().items():
            scaled = size * factor / math.prod(h**k for h, k in zip(half, part.orders, strict=True))
            term = by_field.setdefault(quantity.base, {})
            if scaled != 0:
                term[part.orders] = term.get(part.orders, 0.0) + scaled
    yield from by_field.values()


def balanced(found: Sequence[Waves | None], terms: Sequence[Term]) -> list[Waves | None]:
    """The waves, those of a coordinate without data from the others': u_tt = c^2 u_xx gives k_t = c k_x.

    The wave number at which a derivative along the coordinate is as large as the largest of those along others.
    """

    def along(i: int, chosen: list[float]) -> float | None:
        numbers = [balance(i, chosen, term) for term in terms]
        return max((number for number in numbers if number is not None), default=None)

    completed = list(found)
    for i, waves in enumerate(found):
        if waves is None:
            highest = along(i, [0.0 if other is None else other.highest for other in found])
            only = [other.lines[-1] if other is not None and other.lines else 0.0 for other in found]
            line = max((number for number in (travelling(i, only, term) for term in terms) if number), default=None)
            completed[i] = None if highest is None else Waves(highest, () if line is None else (line,))
    return completed


def balance(i: int, numbers: Sequence[float], term: Term) -> float | None:
    """The wave number along coordinate i at which its derivatives in a term balance those along the others."""
    largest = max((abs(_factor(numbers, o, size)) for o, size in term.items() if not o[i] and any(o)), default=0.0)
    own = _own(i, term)
    return min((largest / abs(size)) ** (1.0 / order) for order, size in own) if largest > 0 and own else None


def travelling(i: int, numbers: Sequence[float], term: Term) -> float | None:
    """The wave number along coordinate i of a plane wave with those along the others; None where there is none.

    By the dispersion relation of the one derivative along i; where that has no real root waves decay along i.
    """
    own, others = _own(i, term), sum(_factor(numbers, o, size) for o, size in term.items() if not o[i])
    if len(own) != 1 or not any(numbers) or others == 0:
        return None
    order, size = own[0]
    root = -others / (size * 1j**order)
    real = abs(root.imag) < 1e-9 * abs(root) and (order % 2 or root.real > 0)
    return abs(root) ** (1.0 / order) if real else None


def _own(i: int, term: Term) -> list[tuple[int, float]]:
    """Orders and coefficients of the derivatives along coordinate i alone."""
    return [(orders[i], size) for orders, size in term.items() if orders[i] and sum(orders) == orders[i]]


def _factor(numbers: Sequence[float], orders: Sequence[int], size: float) -> complex:
    """What a derivative multiplies a plane wave by."""
    return size * math.prod((1j * number) ** order for number, order in zip(numbers, orders, strict=True))
