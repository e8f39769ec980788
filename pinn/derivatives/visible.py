"""Numbers of a tensor that can be looked at: not within a transform of torch.func, which hides them."""

from numpy.typing import NDArray
from torch import Tensor


def visible(values: Tensor) -> NDArray | None:
    """The values on the processor, without their graph; None within a transform."""
    try:
        return values.detach().cpu().numpy()
    except RuntimeError:
        return None
