"""Fields in the user's units from a network whose outputs are of order one."""

from collections.abc import Sequence

import torch
from torch import nn

from pinn.derivatives.jets import Values
from pinn.networks.layers import require_positive


class FieldScaling(nn.Module):
    """Multiplies each field by a fixed scale, the size of the field in its own unit: (n, m) -> (n, m).

    scales: one number > 0 a field. Not trained and not saved: a problem gives them. A scale that is to be identified
    is an unknown of the problem. Raises UserError for scales that are not positive and finite.
    """

    scales: torch.Tensor

    def __init__(self, scales: Sequence[float]) -> None:
        super().__init__()
        for scale in scales:
            require_positive(scale=scale)
        self.register_buffer("scales", torch.tensor(scales, dtype=torch.float64), persistent=False)

    def forward(self, fields: Values) -> Values:
        return fields * self.scales
