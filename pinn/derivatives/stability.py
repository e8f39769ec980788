"""Linear stability of equilibria, from the eigenvalues of the Jacobian."""

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.derivatives.operators import Function, jacobian


class Verdict(Enum):
    """What the linearization says of small disturbances of an equilibrium."""

    STABLE = "stable: every small disturbance decays"
    UNSTABLE = "unstable: some small disturbance grows"
    MARGINAL = "marginal: none grows to first order and some does not decay; the nonlinear terms decide"


@dataclass(frozen=True)
class Stability:
    """The linearization at an equilibrium with d unknowns.

    verdict: see `Verdict`. eigenvalues: of the Jacobian, complex (d,), the most unstable first. margins: (d,) how far
    each lies beyond the imaginary axis (1/time) or, of a map, the unit circle; negative for decay. tolerance: (d,)
    margins up to it are not told from zero. jacobian: (d, d). discrete: whether of a map.
    """

    verdict: Verdict
    eigenvalues: Tensor
    margins: Tensor
    tolerance: Tensor
    jacobian: Tensor
    discrete: bool

    @property
    def growth(self) -> float:
        """A flow's spectral abscissa: disturbances go like exp(growth t). A map's spectral radius: like growth^k."""
        return float(self.eigenvalues.abs().max() if self.discrete else self.eigenvalues.real.max())

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """The dimensions of the stable, center and unstable subspaces; a saddle has a first and a last one."""
        decaying, growing = int((self.margins < -self.tolerance).sum()), int((self.margins > self.tolerance).sum())
        return decaying, len(self.margins) - decaying - growing, growing

    def __str__(self) -> str:
        kind, name = ("map", "spectral radius") if self.discrete else ("flow", "spectral abscissa")
        decaying, center, growing = self.dimensions
        return (
            f"{self.verdict.value} ({kind}, {name} {self.growth:.6g}; "
            f"{decaying} decaying, {center} neutral, {growing} growing directions)"
        )


def stability(f: Function, equilibrium: Tensor, *, discrete: bool = False, tolerance: float | None = None) -> Stability:
    """The linear stability of an equilibrium of the flow dx/dt = f(x), or of the map x -> f(x).

    With the eigenvalues l of the Jacobian J_ij = df_i/dx_j there: a flow is stable where every Re l < 0 and unstable
    where one Re l > 0; a map is stable where every |l| < 1 and unstable where one |l| > 1 (Guckenheimer & Holmes 1983,
    doi:10.1007/978-1-4612-1140-2, sections 1.3 and 1.4). Otherwise the linearization does not decide: marginal.

    Args:
        f: a function of one point (d,) -> (d,), or an nn.Module of batches (n, d) -> (n, d).
        equilibrium: x (d,) with f(x) = 0 for a flow, f(x) = x for a map.
        discrete: False for the flow, True for the map.
        tolerance: eigenvalues whose margin |Re l|, or ||l| - 1|, is not above it count as neutral; >= 0, in their unit.
            None takes the effect of rounding: d eps ||J|| times the eigenvalue's condition number (Golub & Van Loan
            2013, section 7.2.2), and sqrt(d eps) ||J|| at most, that of a double eigenvalue.

    Raises:
        UserError: x is not an equilibrium, f does not map d numbers to d, or the Jacobian is not finite.
    """
    require(isinstance(equilibrium, Tensor), f"equilibrium must be a tensor (d,), got {type(equilibrium).__name__}")
    require(equilibrium.ndim == 1, f"equilibrium must be one point (d,), got the shape {tuple(equilibrium.shape)}")
    require(tolerance is None or tolerance >= 0, f"tolerance must be >= 0 or None, got {tolerance}")
    x = equilibrium.detach().unsqueeze(0)
    j = jacobian(f, x).detach()[0]
    d = len(equilibrium)
    require(j.shape == (d, d), f"f must map {d} numbers to {d}, got a Jacobian of shape {tuple(j.shape)}")
    require(bool(j.isfinite().all()), "the Jacobian at this equilibrium is not finite; is f smooth there?")
    _check_equilibrium(f, equilibrium.detach(), j, discrete)
    eigenvalues, rounding = _eigenvalues(j)
    margins = eigenvalues.abs() - 1.0 if discrete else eigenvalues.real
    limits = rounding if tolerance is None else torch.full_like(rounding, tolerance)
    order = margins.argsort(descending=True)
    eigenvalues, margins, limits = eigenvalues[order], margins[order], limits[order]
    return Stability(_verdict(margins, limits), eigenvalues, margins, limits, j, discrete)


def _verdict(margins: Tensor, limits: Tensor) -> Verdict:
    if bool((margins > limits).any()):
        return Verdict.UNSTABLE
    return Verdict.STABLE if bool((margins < -limits).all()) else Verdict.MARGINAL


def _check_equilibrium(f: Function, x: Tensor, j: Tensor, discrete: bool) -> None:
    """Raise UserError unless f(x) could be zero (or x) at a point within sqrt(eps) max(1, |x|) of x."""
    value = (f(x.unsqueeze(0))[0] if isinstance(f, torch.nn.Module) else f(x)).detach()
    rest = float((value - x if discrete else value).abs().max())
    norm = float(torch.linalg.matrix_norm(j, float("inf"))) + (1.0 if discrete else 0.0)
    allowed = torch.finfo(x.dtype).eps ** 0.5 * norm * max(1.0, float(x.abs().max()))
    what = "f(x) = x" if discrete else "f(x) = 0"
    require(
        rest <= allowed, f"equilibrium must satisfy {what}, got a mismatch of {rest:.3g}; improve it by Newton's method"
    )


def _eigenvalues(j: Tensor) -> tuple[Tensor, Tensor]:
    """The eigenvalues of J (d, d) and what rounding may have changed in each, both (d,)."""
    eigenvalues, right = torch.linalg.eig(j)
    left, singular = torch.linalg.inv_ex(right)
    condition = left.norm(dim=1) * right.norm(dim=0)  # 1 / |y^H x| of unit left and right eigenvectors
    perturbation = len(j) * torch.finfo(j.dtype).eps
    norm = torch.linalg.matrix_norm(j, 2)
    simple = torch.where(condition.isfinite() & (singular == 0), condition * perturbation, float("inf"))
    return eigenvalues, norm * simple.clamp_max(perturbation**0.5)
