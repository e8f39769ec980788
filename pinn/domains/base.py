"""What a domain is: coordinates with bounds, an interior, and sides with names."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from pinn.configurable import Configurable

# draw(n, k): n points of the unit cube [0, 1)^k, shape (n, k); a sequence of its own at every call.
Draw = Callable[[int, int], np.ndarray]


class Domain(Configurable, ABC):
    """A bounded region of the space of its coordinates."""

    @property
    @abstractmethod
    def coordinates(self) -> tuple[str, ...]:
        """Names of the d coordinates, time last."""

    @property
    @abstractmethod
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The bounding box: coordinate -> (lower, upper)."""

    @property
    @abstractmethod
    def sides(self) -> tuple[str, ...]:
        """Names of the parts of the boundary, such as `x.min`; the start of time included."""

    @property
    def time(self) -> str | None:
        """The name of the time coordinate, or None for a steady problem."""
        return None

    @property
    def is_box(self) -> bool:
        """Whether the domain fills its bounding box."""
        return False

    @property
    @abstractmethod
    def measure(self) -> float:
        """Length, area, ... of the whole, time included."""

    @abstractmethod
    def interior(self, n: int, draw: Draw) -> np.ndarray:
        """n points inside, shape (n, d), uniform where `draw` is."""

    @abstractmethod
    def boundary(self, side: str, n: int, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        """n points on one side and the outward unit normals there, both of shape (n, d)."""

    @abstractmethod
    def side_measure(self, side: str) -> float:
        """Length, area, ... of one side."""
