"""The singular values of the Jacobian where a run ends: how many of its parameters the equations determine."""

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pinn.basis.logs import logger
from pinn.linear_algebra.triangular import triangular_factor
from pinn.residuals.protocol import LeastSquares

FLOPS = 1e11
"""Above this, several seconds on one core, they are not computed."""

BYTES = 2**30
"""Of memory, beside that of the Jacobian's pieces."""


@dataclass(frozen=True)
class Spectrum:
    """The singular values (min(N, p),) of J (N, p), from the largest down."""

    values: NDArray
    rows: int
    columns: int

    @property
    def attributes(self) -> dict[str, Any]:
        """The shape of J, as attributes of the solution file."""
        return {"jacobian_rows": self.rows, "jacobian_columns": self.columns}


def jacobian_spectrum(problem: LeastSquares, theta: Tensor) -> Spectrum | None:
    """The spectrum of J at theta (p,); None, with a line in the log, where it would cost much or J is not finite.

    From the R of J = Q R, which is formed chunk by chunk: J^T J would lose all below 1e-8 of the largest. About
    2 N p^2 + 4 p^3 flops.
    """
    n, p = len(problem), len(theta)
    flops, held = 2.0 * n * p**2 + 4.0 * p**3, 3 * theta.element_size() * (p + 1) ** 2
    if flops > FLOPS or held > BYTES:
        logger.info("the spectrum of J (%d x %d) is not computed: it would take %.0e flops", n, p, flops)
        return None
    triangle, _, _ = triangular_factor(((r, j) for _, r, j in problem.pieces(theta)), p)
    if not bool(triangle.isfinite().all()):
        logger.info("the spectrum of J is not computed: J is not finite")
        return None
    return Spectrum(torch.linalg.svdvals(triangle).double().cpu().numpy(), n, p)
