"""When two computations of the same numbers agree."""

import numpy as np
import torch
from torch import Tensor

import pinn


def assert_agree(a: Tensor, b: Tensor, name: str = "") -> None:
    """max|a - b| <= 1e-12 max(1, max|b|): rounding of two orders of summation, no more."""
    a, b = a.detach(), b.detach()
    bound = 1e-12 * max(1.0, float(b.abs().max()))
    difference = float((a - b).abs().max())
    assert difference <= bound, f"{name}: {difference:.2e} > {bound:.2e}"


def assert_same_run(a: pinn.Solution, b: pinn.Solution) -> None:
    """The same parameters and the same record of training, but for its seconds, to the bit."""
    for name, values in a.trial.parameters().items():
        assert torch.equal(values, b.trial.parameters()[name]), name
    for name, column in a.history.items():
        measured = np.isfinite(column)  # a run's last step is measured even where none is due
        if name != "seconds":
            np.testing.assert_array_equal(column[measured], b.history[name][measured], err_msg=name)
