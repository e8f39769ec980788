"""When two computations of the same numbers agree."""

from torch import Tensor


def assert_agree(a: Tensor, b: Tensor, name: str = "") -> None:
    """max|a - b| <= 1e-12 max(1, max|b|): rounding of two orders of summation, no more."""
    a, b = a.detach(), b.detach()
    bound = 1e-12 * max(1.0, float(b.abs().max()))
    difference = float((a - b).abs().max())
    assert difference <= bound, f"{name}: {difference:.2e} > {bound:.2e}"
