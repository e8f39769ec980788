"""Where a function of the coordinates holds."""

from collections.abc import Callable

import numpy as np
import torch

from pinn.basis.arguments import argument_names
from pinn.domains.base import Domain


def holds(domain: Domain, where: Callable, x: np.ndarray) -> np.ndarray:
    """Whether the predicate, a function of coordinates by name, is true at points x (n, d): booleans (n,)."""
    columns = dict(zip(domain.coordinates, torch.as_tensor(x).T, strict=True))
    return np.broadcast_to(np.asarray(where(*(columns[name] for name in argument_names(where))), dtype=bool), len(x))
