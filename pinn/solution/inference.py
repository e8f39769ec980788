"""Unknowns as samples of what is known of them, for ArviZ: their own, or by Laplace's approximation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.solution.unknowns import Identified

if TYPE_CHECKING:
    import arviz

LAPLACE = "Laplace's approximation at the trained values: draws are independent"


def samples(unknowns: Mapping[str, Identified], draws: int, seed: int) -> dict[str, NDArray]:
    """Unknown -> (draws,): normal in what is trained for it, with its standard error and correlations.

    So that those that are positive, or bounded, stay so. Laplace's approximation: Tierney & Kadane 1986,
    doi:10.1080/01621459.1986.10478240. Raises UserError where there are none, or a standard error is not known.
    """
    require(bool(unknowns), "there is nothing to sample: the problem has no unknowns")
    require(draws >= 1, f"draws must be >= 1, got {draws}")
    middles, deviations = [], []
    for one in unknowns.values():
        one.interval()  # which says what is missing
        middle = one.curve.trained(float(one))
        middles.append(middle)
        deviations.append((one.standard_error or 0.0) / one.curve.slope(middle))  # of its sign
    correlations = np.eye(len(unknowns))
    for i, one in enumerate(unknowns.values()):
        for j, name in enumerate(unknowns):
            correlations[i, j] = 1.0 if i == j else one.correlations.get(name, 0.0)
    values, vectors = np.linalg.eigh(correlations)  # which may be singular
    normal = np.random.default_rng(seed).standard_normal((draws, len(unknowns)))
    together = normal * np.sqrt(values.clip(0.0)) @ vectors.T
    trained = np.array(middles) + together * deviations
    return {
        name: np.array([one.curve.at(z) for z in column])
        for (name, one), column in zip(unknowns.items(), trained.T, strict=True)
    }


def to_inference_data(unknowns: Mapping[str, Identified], draws: int, seed: int) -> arviz.InferenceData:
    """The samples as the posterior of one chain; raises UserError as `samples`, or ArviZ is not installed.

    draws, seed: of Laplace's approximation, where an unknown has no samples of its own.
    """
    own = {name: one.samples for name, one in unknowns.items() if one.samples is not None}
    found = own if own and len(own) == len(unknowns) else samples(unknowns, draws, seed)
    how = "Hamiltonian Monte Carlo: draws are correlated" if found is own else LAPLACE
    try:
        import arviz
    except ImportError as error:
        raise UserError("to_arviz needs ArviZ: pip install 'pinn[arviz]'") from error
    return arviz.from_dict(
        posterior={name: values[None] for name, values in found.items()},
        attrs={"sampled_by": how},
    )
