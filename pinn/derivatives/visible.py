"""Numbers of a tensor that can be looked at: not within a transform of torch.func, which hides them."""

from numpy.typing import NDArray
from torch import Tensor

from pinn.derivatives.jets import Jet, Values

REMEMBERED = 2**18  # values of a table, or of points, up to which it is remembered


def visible(values: Tensor) -> NDArray | None:
    """The values on the processor, without their graph; None within a transform."""
    try:
        return values.detach().cpu().numpy()
    except RuntimeError:
        return None


def key_of(x: Values, *others: object) -> tuple | None:
    """What functions at points depend on, to be remembered by; None where these cannot be looked at, or are many."""
    values = x.coefficients if isinstance(x, Jet) else x
    if values.device.type != "cpu" or values.requires_grad or values.numel() > REMEMBERED:
        return None
    numbers = visible(values)
    if numbers is None:
        return None
    channels = x.channels if isinstance(x, Jet) else None
    return numbers.tobytes(), values.shape, values.dtype, channels, repr(others)
