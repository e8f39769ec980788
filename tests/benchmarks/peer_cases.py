"""What the methods of `peers.py` solve, and the clock that they run by."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

NODES = 101  # along each axis, of the grid where errors are measured
INTERIOR, SIDES, START = 2540, 80, 160  # points, as in DeepXDE's example of Burgers' equation
ADAM = 1e-3  # its learning rate
WIDE, NARROW = [50] * 4, [20] * 3
Predict = Callable[[NDArray], NDArray]  # points (n, 2) to u (n,)


@dataclass(frozen=True)
class Case:
    """An equation for u(x, y), y the time where there is a `start`; u = 0 on the other sides.

    residual: of (u, u_x, u_y, u_xx, u_yy, x, y, sin), by the arithmetic of any library. name: of the problem in pinn.
    """

    name: str
    low: tuple[float, float]
    high: tuple[float, float]
    residual: Callable[..., Any]
    start: Callable[..., Any] | None = None

    def truth(self, points: NDArray) -> NDArray:
        """The reference at points (n, 2)."""
        import pinn

        truth = pinn.configured(f"problem={self.name}")["problem"].truth(points)
        return next(iter(truth.values()))

    @property
    def hidden(self) -> list[int]:
        """The widths of the hidden layers that DeepXDE's examples take."""
        return NARROW if self.start else WIDE


def burgers(u, u_x, u_t, u_xx, u_tt, x, t, sin):
    return u_t + u * u_x - 0.01 / math.pi * u_xx


def poisson(u, u_x, u_y, u_xx, u_yy, x, y, sin):
    return u_xx + u_yy + 2 * math.pi**2 * sin(math.pi * x) * sin(math.pi * y)


def heat(u, u_x, u_t, u_xx, u_tt, x, t, sin):
    return u_t - 0.25 * u_xx


CASES = {
    "burgers": Case("burgers", (-1.0, 0.0), (1.0, 1.0), burgers, lambda x, sin: -sin(math.pi * x)),
    "poisson_2d": Case("poisson_2d", (0.0, 0.0), (1.0, 1.0), poisson),
    "heat": Case("heat", (0.0, 0.0), (1.0, 1.0), heat, lambda x, sin: sin(math.pi * x)),
}


@dataclass
class Watch:
    """The processor's seconds since it was made."""

    def __post_init__(self) -> None:
        self.begun = time.process_time()

    @property
    def seconds(self) -> float:
        return time.process_time() - self.begun
