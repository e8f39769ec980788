"""Fields in the user's units from a network whose outputs are of order one."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from pinn.basis.errors import require
from pinn.derivatives.jets import Values


class FieldScaling(nn.Module):
    """Multiplies each field by a fixed scale, the size of the field in its own unit, and shifts it: (n, m) -> (n, m).

    scales: one number > 0 a field. shifts: one a field, None for no shift. Neither is trained, nor saved with the
    parameters. A scale that is to be identified is an unknown of the problem. Raises UserError for scales that are not
    positive and finite.
    """

    scales: torch.Tensor
    shifts: torch.Tensor

    def __init__(self, scales: Sequence[float], shifts: Sequence[float] | None = None) -> None:
        super().__init__()
        for scale in scales:
            require(0 < scale < math.inf, f"scale must be > 0 and finite, got {scale}")
        shifts = [0.0] * len(scales) if shifts is None else shifts
        self.is_shifted = any(shifts)
        self.register_buffer("scales", torch.tensor(scales, dtype=torch.float64), persistent=False)
        self.register_buffer("shifts", torch.tensor(shifts, dtype=torch.float64), persistent=False)

    def forward(self, fields: Values) -> Values:
        scaled = fields * self.scales
        return scaled + self.shifts if self.is_shifted else scaled
