"""A population that feels its crowding late: the delayed logistic equation."""

import numpy as np
from scipy.integrate import solve_ivp
from torch import Tensor

import pinn
from pinn.basis.errors import require
from pinn.domains import Time
from pinn.problem import Problem
from pinn.terms import Initial, Interior


class Hutchinson(Problem):
    """Delayed logistic equation  u_t = r u (1 - u(t - tau))  for t in [0, 5], a delay differential equation.

    Conditions  u(t) = u_0 for t <= 0: the history, which stands for u where t - tau is before the start. The slope of
    u_t jumps at t = tau, its second derivative at 2 tau and so on, where parts of the domain meet.
    rate: r, > 0; delay: tau, in (0, 5]; history: u_0, > 0; dimensionless: r tau < pi / 2 for a steady end.
    Reference: the method of steps, in each of them Runge and Kutta's method of order 8 (Dormand & Prince), to 1e-12.
    Source: Hutchinson 1948, doi:10.1111/j.1749-6632.1948.tb39854.x.
    """

    def __init__(self, rate: float = 1.2, delay: float = 1.0, history: float = 0.5) -> None:
        require(rate > 0, f"rate must be > 0, got {rate}")
        require(0 < delay <= 5, f"delay must be in (0, 5], got {delay}")
        require(history > 0, f"history must be > 0, got {history}")
        self.rate, self.delay, self.history = rate, delay, history
        self.domain = Time(t=(0, 5))
        self.fields = ("u",)

    def terms(self):
        return {"growth": Interior(self.growth), "start": Initial(u=self.history)}

    @pinn.at("u", outside="before")
    def crowd(self, t: Tensor):
        return {"t": t - self.delay}

    def before(self, t: Tensor) -> Tensor:
        return self.history + 0 * t

    def growth(self, u: Tensor, u_t: Tensor, crowd: Tensor) -> Tensor:
        return u_t - self.rate * u * (1 - crowd)

    def reference(self, t):
        t = np.asarray(t, dtype=np.float64)
        values, past, u, start = np.full(t.shape, self.history), lambda s: self.history, self.history, 0.0
        while start < t.max():

            def rate(s, v, past=past):
                return self.rate * v * (1 - past(s - self.delay))

            step = solve_ivp(
                rate, (start, start + self.delay), [u], "DOP853", dense_output=True, rtol=1e-12, atol=1e-14
            )
            past, u = (lambda s, step=step: step.sol(s)[0]), step.y[0, -1]
            within = (t > start) & (t <= start + self.delay)
            if within.any():
                values[within] = past(t[within])
            start += self.delay
        return values
