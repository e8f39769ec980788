"""Gauss-Newton steps of several parameter vectors at once, each with a damping and a decision of its own.

The arithmetic is batched over the replicas; where a rule takes different ways, those that go on are picked out.
"""

from abc import abstractmethod
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from pinn.optimizers.base import Optimizer, Report, State

LONGEST_WAIT = 4  # steps for which a trust region keeps its radius after longer steps have failed several times


class ReplicatedLeastSquares(Protocol):
    """minimize ||r_k(theta_k)||^2 for k = 1 .. R, thetas (R, p), r (R, N)."""

    count: int

    def residuals(self, thetas: Tensor) -> Tensor: ...

    def losses(self, thetas: Tensor) -> Tensor: ...

    def jacobian(self, thetas: Tensor) -> Tensor | None: ...

    def normal_equations(self, thetas: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...

    def forward(self, thetas: Tensor, v: Tensor) -> Tensor: ...

    def adjoint(self, thetas: Tensor, w: Tensor) -> Tensor: ...


class Tried(NamedTuple):
    """Steps that were tried: where they lead (R, p), and their ratios of actual to predicted decrease (R,)."""

    thetas: Tensor
    ratio: Tensor


class Model:
    """The replicas' residuals linearized at thetas (R, p).

    acceleration: the geodesic correction of the method, None for none.
    """

    def __init__(self, problem: ReplicatedLeastSquares, thetas: Tensor, acceleration: Any) -> None:
        self.problem = problem
        self.thetas = thetas
        self.acceleration = acceleration
        self.r: Tensor | None = None
        self.j = problem.jacobian(thetas) if acceleration is not None else None
        if acceleration is not None:
            with torch.no_grad():
                self.r = problem.residuals(thetas)
        if self.j is None or self.r is None:
            self.product, self.right, self.loss = problem.normal_equations(thetas)
        else:
            self.product, self.right = torch.bmm(self.j.mT, self.j), _product(self.j.mT, self.r)
            self.loss = self.r.square().sum(1)

    def curvature(self) -> Tensor:
        """||J v||^2 / ||v||^2 along each gradient (R,), 1 where there is none."""
        square = self.right.square().sum(1)
        image = _product(self.product, self.right)
        return torch.where(square > 0, (self.right * image).sum(1) / square, torch.ones_like(square))

    def tried(self, damping: Tensor, which: Tensor) -> Tried:
        """The steps of the replicas `which` (k,) with their dampings (k,); the ratio is -inf where there is none."""
        thetas, right = self.thetas[which], self.right[which]
        damped = self.product[which]
        damped.diagonal(dim1=1, dim2=2).add_(damping.unsqueeze(1))
        factor, failed = torch.linalg.cholesky_ex(damped)
        delta = -torch.cholesky_solve(right.unsqueeze(2), factor).squeeze(2)
        predicted = damping * delta.square().sum(1) - (right * delta).sum(1)
        if self.acceleration is not None:
            delta = self._corrected(delta, factor, which)
        candidates = thetas + delta
        actual = self.loss[which] - self.problem.losses(candidates)
        good = (failed == 0) & (predicted > 0) & actual.isfinite()
        return Tried(candidates, torch.where(good, actual / predicted, torch.full_like(actual, -torch.inf)))

    def _corrected(self, delta: Tensor, factor: Tensor, which: Tensor) -> Tensor:
        """As `GeodesicAcceleration.corrected`."""
        assert self.r is not None
        h = self.acceleration.h
        with torch.no_grad():
            ahead = self.problem.residuals(self.thetas[which] + h * delta)
        curvature = (2.0 / h) * ((ahead - self.r[which]) / h - self._forward(delta, which))
        correction = -torch.cholesky_solve(self._adjoint(curvature, which).unsqueeze(2), factor).squeeze(2)
        small = correction.norm(dim=1) <= 2.0 * self.acceleration.largest * delta.norm(dim=1)  # false where not finite
        return torch.where(small.unsqueeze(1), delta + 0.5 * correction, delta)

    def _forward(self, v: Tensor, which: Tensor) -> Tensor:
        """J v (k, N) for v (k, p) of the replicas `which`."""
        if self.j is None:
            return self.problem.forward(self.thetas[which], v)
        return _product(self.j, self._spread(v, which))[which]  # to pick out their J would cost as much

    def _adjoint(self, w: Tensor, which: Tensor) -> Tensor:
        """J^T w (k, p) for w (k, N) of the replicas `which`."""
        if self.j is None:
            return self.problem.adjoint(self.thetas[which], w)
        return _product(self.j.mT, self._spread(w, which))[which]

    def _spread(self, vectors: Tensor, which: Tensor) -> Tensor:
        """Vectors (k, m) of some replicas as those of all (R, m), zero elsewhere."""
        return vectors.new_zeros(len(self.thetas), vectors.shape[1]).index_copy(0, which, vectors)


def _product(matrices: Tensor, vectors: Tensor) -> Tensor:
    """A_k v_k (R, m) for A (R, m, p) and v (R, p)."""
    return torch.bmm(matrices, vectors.unsqueeze(2)).squeeze(2)


class ReplicatedGaussNewton(Optimizer):
    """A method of the Gauss-Newton family for R replicas at once; theta is (R p,). method: the one for one."""

    default_steps = 3000
    redraw_every = 10

    def __init__(self, method: Any) -> None:
        self.method = method

    def step(self, theta: Tensor, state: State, problem: Any) -> tuple[Tensor, State, Report]:
        model = Model(problem, theta.detach().view(problem.count, -1), self.method.acceleration)
        if state["damping"] is None:
            state = state | self._first(self._clip(self.method.damping * model.curvature()))
        thetas, accepted, state = self._search(state, model)
        best = int(model.loss.argmin())
        report: Report = {
            "loss": float(model.loss[best]),
            "gradient_norm": 2.0 * float(model.right[best].norm()),
            "damping": float(state["damping"][best]),
            "accepted": bool(accepted.any()),
            "replicas_accepted": int(accepted.sum()),
        }
        return thetas.reshape(-1), state, report

    @abstractmethod
    def _first(self, damping: Tensor) -> State:
        """The state that goes with the first dampings (R,)."""

    @abstractmethod
    def _search(self, state: State, model: Model) -> tuple[Tensor, Tensor, State]:
        """The parameters after the step (R, p), which replicas took one (R,), and the state after it."""

    def _clip(self, damping: Tensor) -> Tensor:
        return damping.clamp(self.method.minimum, self.method.maximum)


class ReplicatedLevenbergMarquardt(ReplicatedGaussNewton):
    """`LevenbergMarquardt` for replicas: those whose step is rejected try again while the others wait."""

    def init(self, theta: Tensor) -> State:
        return {"damping": None, "growth": None}

    def _first(self, damping: Tensor) -> State:
        return {"damping": damping, "growth": torch.full_like(damping, 2.0)}

    def _search(self, state: State, model: Model) -> tuple[Tensor, Tensor, State]:
        damping, growth = state["damping"].clone(), state["growth"].clone()
        thetas, accepted = model.thetas.clone(), torch.zeros_like(damping, dtype=torch.bool)
        for _ in range(self.method.attempts):
            which = (~accepted).nonzero().squeeze(1)
            if len(which) == 0:
                break
            tried = model.tried(damping[which], which)
            good = tried.ratio > 0
            taken, refused = which[good], which[~good]
            thetas[taken], accepted[taken] = tried.thetas[good], True
            shrink = (1.0 - (2.0 * tried.ratio[good] - 1.0) ** 3).clamp_min(1.0 / 3.0)
            damping[taken], growth[taken] = self._clip(damping[taken] * shrink), 2.0
            damping[refused] = self._clip(damping[refused] * growth[refused])
            growth[refused] = (2.0 * growth[refused]).clamp_max(64.0)
        return thetas, accepted, {"damping": damping, "growth": growth}


class ReplicatedTrustRegion(ReplicatedGaussNewton):
    """`TrustRegion` for replicas: some shorten their step while others lengthen theirs, in the same batch."""

    def init(self, theta: Tensor) -> State:
        return {"damping": None, "wait": None, "patience": None}

    def _first(self, damping: Tensor) -> State:
        return {"damping": damping, "wait": torch.zeros_like(damping), "patience": torch.ones_like(damping)}

    def _search(self, state: State, model: Model) -> tuple[Tensor, Tensor, State]:
        damping, wait, patience = (state[name].clone() for name in ("damping", "wait", "patience"))
        everyone = torch.arange(len(damping), device=damping.device)
        thetas, best = (part.clone() for part in model.tried(damping, everyone))
        holds = best >= self.method.target
        waiting, longer = holds & (wait > 0), holds & (wait == 0)
        wait[waiting] -= 1.0
        self._lengthen(longer.nonzero().squeeze(1), model, thetas, best, damping, wait, patience)
        self._shorten((~holds).nonzero().squeeze(1), model, thetas, best, damping)
        wait[~holds], patience[~holds] = 0.0, 1.0
        accepted = best > 0
        thetas = torch.where(accepted.unsqueeze(1), thetas, model.thetas)
        return thetas, accepted, {"damping": damping, "wait": wait, "patience": patience}

    def _lengthen(
        self,
        which: Tensor,
        model: Model,
        thetas: Tensor,
        best: Tensor,
        damping: Tensor,
        wait: Tensor,
        patience: Tensor,
    ) -> None:
        """Less damping as long as the target is reached; whose step fails waits before longer ones are tried again."""
        for _ in range(self.method.probes):
            if len(which) == 0:
                return
            less = self._clip(damping[which] / self.method.factor)
            tried = model.tried(less, which)
            good = (tried.ratio >= self.method.target) & (less < damping[which])
            taken, refused = which[good], which[~good]
            thetas[taken], best[taken], damping[taken] = tried.thetas[good], tried.ratio[good], less[good]
            patience[taken] = 1.0
            wait[refused] = patience[refused]
            patience[refused] = (2.0 * patience[refused]).clamp_max(LONGEST_WAIT)
            which = taken

    def _shorten(self, which: Tensor, model: Model, thetas: Tensor, best: Tensor, damping: Tensor) -> None:
        """More damping until the target is reached, and of all steps that with the best ratio."""
        for _ in range(2 * self.method.probes + 2):
            if len(which) == 0:
                return
            damping[which] = self._clip(self.method.factor * damping[which])
            tried = model.tried(damping[which], which)
            better = tried.ratio > best[which]
            thetas[which[better]], best[which[better]] = tried.thetas[better], tried.ratio[better]
            which = which[tried.ratio < self.method.target]
