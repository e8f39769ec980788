"""Quasi-Newton methods that hold the inverse Hessian H (p, p): BFGS and its self-scaled kin.

A step goes along d = -H g to a point that satisfies the strong Wolfe conditions, and H learns from s = theta+ - theta
and y = g+ - g, both gradients at the same points, so that H+ y = s. Of the order p^2 work a step, beside gradients:
for up to about 20,000 parameters.
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.basis.logs import logger
from pinn.optimizers.base import Optimizer, Report, State
from pinn.optimizers.line_search import Point, Ray, StrongWolfe, evaluated, unevaluated
from pinn.residuals.protocol import LeastSquares

LARGEST_BYTES = 2**34  # H fills at most 16 GiB
PARALLEL = 1e-12  # b h - 1 below which y counts as parallel to B s


class QuasiNewton(Optimizer):
    """What the members share; `_factors` says how an update scales H and which of Broyden's class it is.

    H+ = [H - H y (H y)^T / (y^T H y) + phi (y^T H y) v v^T] / tau + rho s s^T,
    rho = 1 / y^T s,  v = rho s - H y / (y^T H y).

    c1: sufficient decrease, in (0, 1/2). c2: flatness of the slope, in (c1, 1), or several that are tried in turn.
    Where points or weights have changed, H is symmetrized, and set to I unless it is positive definite. Where no
    point along d is lower, H is set to I; where it is I already, the step is not accepted.
    """

    default_steps = 5000
    redraw_every = 200

    def __init__(self, *, c1: float = 1e-4, c2: tuple[float, ...] = (0.9, 0.8, 0.5)) -> None:
        require(0 < c1 < 0.5, f"optimizer.c1 must be in (0, 0.5), got {c1}")
        require(len(c2) > 0, "optimizer.c2 must hold at least one number, got none")
        require(all(c1 < value < 1 for value in c2), f"optimizer.c2 must be in (c1, 1) = ({c1}, 1), got {list(c2)}")
        self.searches = [StrongWolfe(c1, value) for value in c2]

    def init(self, theta: Tensor) -> State:
        size = len(theta) ** 2 * theta.element_size()
        require(
            size <= LARGEST_BYTES,
            f"{type(self).__name__} holds a matrix of {size / 2**30:.0f} GiB for {len(theta)} parameters; "
            "try optimizer=lbfgs",
        )
        return unevaluated(theta) | {
            "inverse_hessian": torch.eye(len(theta), dtype=theta.dtype, device=theta.device),
            "updates": 0,  # since H was I
            "decrease": 0.0,  # of the loss in the last step
        }

    def step(self, theta: Tensor, state: State, least_squares: LeastSquares) -> tuple[Tensor, State, Report]:
        redrawn = state["identity"] not in (None, least_squares.identity)
        state = evaluated(theta, state, least_squares)
        loss, g = state["loss"], state["gradient"]
        report: Report = {"loss": loss, "gradient_norm": float(g.norm()), "accepted": False}
        if state["stuck"] or not math.isfinite(loss) or report["gradient_norm"] == 0.0:
            return theta, state, report
        inverse, updates = state["inverse_hessian"], state["updates"]
        if redrawn and updates:
            inverse, updates = _repaired(inverse, updates)
        d, inverse, updates = _descent(inverse, updates, g)
        ray = Ray(least_squares, theta, d, loss, g)
        reached = self._search(ray, _first_length(ray, updates, state["decrease"]))
        if not reached.loss < loss:
            eye = torch.eye(len(theta), dtype=theta.dtype, device=theta.device)
            return theta, state | {"inverse_hessian": eye, "updates": 0, "stuck": updates == 0}, report
        inverse, changed = self._updated(inverse, reached.theta - theta, reached.gradient - g, -reached.alpha * g)
        state = state | {
            "inverse_hessian": inverse,
            "updates": updates + changed,
            "theta": reached.theta,
            "loss": reached.loss,
            "gradient": reached.gradient,
            "decrease": loss - reached.loss,
        }
        return reached.theta, state, report | {"accepted": True, "step_length": reached.alpha}

    def _search(self, ray: Ray, first: float) -> Point:
        """A point with the strong Wolfe conditions for one of c2, else the lowest of all that were evaluated."""
        for search in self.searches:
            reached = search.search(ray, first)
            if reached is not None:
                return reached
        return ray.lowest()

    def _updated(self, inverse: Tensor, s: Tensor, y: Tensor, bs: Tensor) -> tuple[Tensor, int]:
        """H+ and 1, or H and 0 where s and y show no positive curvature. bs: H^-1 s (p,)."""
        curvature = float(y @ s)
        noise = 64.0 * torch.finfo(s.dtype).eps
        hy = inverse @ y
        yhy = float(y @ hy)
        if not (curvature > noise * float(y.norm()) * float(s.norm()) and yhy > 0.0):
            return inverse, 0
        rho = 1.0 / curvature
        h, b = rho * yhy, rho * float(s @ bs)
        tau, phi = self._factors(h, b, len(s))
        u = torch.stack([s, hy], dim=1)  # (p, 2)
        cross = -phi * rho / tau
        inner = s.new_tensor([[rho * (1.0 + phi * h / tau), cross], [cross, (phi - 1.0) / (tau * yhy)]])
        left = u @ inner
        if not (math.isfinite(tau) and bool(left.isfinite().all())):
            return inverse, 0
        return torch.addmm(inverse, left, u.mT, beta=1.0 / tau), 1

    @abstractmethod
    def _factors(self, h: float, b: float, p: int) -> tuple[float, float]:
        """tau > 0 and phi from h = y^T H y / y^T s and b = s^T B s / y^T s, B = H^-1; b h >= 1 but for rounding."""


class BFGS(QuasiNewton):
    """Broyden, Fletcher, Goldfarb & Shanno (Nocedal & Wright 2006, eq. 6.17): tau = 1, phi = 1.

    c1, c2: of the line search, see QuasiNewton.
    """

    def _factors(self, h: float, b: float, p: int) -> tuple[float, float]:
        return 1.0, 1.0


class SSBFGS(QuasiNewton):
    """Self-scaled BFGS (Al-Baali 1998, doi:10.1023/A:1018315205474; Urbán, Stefanou & Pons 2025, arXiv 2405.04230).

    tau = min(1, 1 / b), phi = 1. c1, c2: of the line search, see QuasiNewton.
    """

    def _factors(self, h: float, b: float, p: int) -> tuple[float, float]:
        return min(1.0, 1.0 / b), 1.0


class SSBroyden(QuasiNewton):
    """Self-scaled Broyden (Al-Baali & Khalfan 2005; Urbán, Stefanou & Pons 2025, arXiv 2405.04230, section 2.3).

    With a = b h - 1, c = sqrt(a / (1 + a)), r = min(1, h (1 - c)):
    theta = max((r - 1) / a, min(1 / r, (1 - b) / b)),  phi = (1 - theta) / (1 + a theta),
    sigma = 1 + a theta,  sigma' = sigma^(1 / (1 - p)),  k = min(1, 1 / b),
    tau = min(k sigma', sigma) where theta <= 0, else k min(sigma', 1 / theta).
    Where y is parallel to B s (a = 0) all members of the class agree, and tau is that of SSBFGS.
    c1, c2: of the line search, see QuasiNewton.
    """

    def _factors(self, h: float, b: float, p: int) -> tuple[float, float]:
        a, k = b * h - 1.0, min(1.0, 1.0 / b)
        if a < PARALLEL or p == 1:
            return k, 1.0
        r = min(1.0, h * (1.0 - math.sqrt(a / (1.0 + a))))
        theta = max((r - 1.0) / a, min(1.0 / r, (1.0 - b) / b)) if r > 0.0 else (1.0 - b) / b
        sigma = 1.0 + a * theta
        if not sigma > 0.0:
            return k, 1.0
        scaled = sigma ** (1.0 / (1.0 - p))
        tau = min(k * scaled, sigma) if theta <= 0.0 else k * min(scaled, 1.0 / theta)
        return tau, (1.0 - theta) / sigma


def _first_length(ray: Ray, updates: int, decrease: float) -> float:
    """1, or less where the last decrease of the loss says so (Nocedal & Wright 2006, eq. 3.60); a unit step with I.

    On Burgers' equation it saves a third of the evaluations: self-scaling makes H rather too large than too small.
    """
    if updates == 0:
        return min(1.0, 1.0 / float(ray.d.norm()))
    return min(1.0, max(0.2, -2.02 * decrease / ray.start.slope))


def _repaired(inverse: Tensor, updates: int) -> tuple[Tensor, int]:
    """H symmetrized, or I where it is not positive definite; and the number of updates it still holds."""
    symmetric = 0.5 * (inverse + inverse.mT)
    if int(torch.linalg.cholesky_ex(symmetric).info) == 0:
        return symmetric, updates
    logger.info("the inverse Hessian is no longer positive definite: starts anew")
    return torch.eye(len(inverse), dtype=inverse.dtype, device=inverse.device), 0


def _descent(inverse: Tensor, updates: int, g: Tensor) -> tuple[Tensor, Tensor, int]:
    """d = -H g with d^T g < 0, after repairing H where it is needed; H and its number of updates."""
    d = -(inverse @ g)
    if float(d @ g) < 0.0:
        return d, inverse, updates
    inverse, updates = _repaired(inverse, updates)
    d = -(inverse @ g)
    if float(d @ g) < 0.0:
        return d, inverse, updates
    return -g, torch.eye(len(g), dtype=g.dtype, device=g.device), 0
