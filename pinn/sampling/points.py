"""Points where residuals are evaluated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

ENOUGH = 2**14  # rows of a region that tell as much as any number of them: of sizes, of what holds exactly


@dataclass(frozen=True)
class Points:
    """Points of one region: x of shape (k n, d); on a boundary the outward unit normals, of the same shape.

    Residual row i of n uses the points i, i + n, ..., i + (k - 1) n: k = `per_row` is 1 but for terms that compare
    points with each other, such as periodicity (2), or sum over them (a quadrature).
    weight: of the rows' squares (n,), of mean 1; None for all alike. columns: values (k n,) that belong to the
    points, such as observations, by name. past: what was there before a window of time (k n, ...), where it is known.
    directions: those that operators are estimated along there (k n, directions, d).
    """

    x: Tensor
    normal: Tensor | None = None
    per_row: int = 1
    weight: Tensor | None = None
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    past: Tensor | None = None
    directions: Tensor | None = None

    def __len__(self) -> int:
        """The number of residual rows n."""
        return len(self.x) // self.per_row

    def copied(self) -> "Points":
        """These points in memory of their own."""
        return self._mapped(torch.clone)

    def to(self, dtype: torch.dtype, device: torch.device) -> "Points":
        """These points in that type on that device."""
        return self._mapped(lambda values: values.to(dtype=dtype, device=device))

    def __getitem__(self, rows: slice | Tensor) -> "Points":
        """The points of some residual rows."""
        weight = None if self.weight is None else self.weight[rows]
        picked = self._mapped(lambda values: self.by_row(values)[:, rows].flatten(0, 1), weight=False)
        return Points(picked.x, picked.normal, self.per_row, weight, picked.columns, picked.past, picked.directions)

    def thinned(self, most: int = ENOUGH) -> "Points":
        """These points where they are no more rows than that, else as many or fewer, taken evenly."""
        return self[:: -(-len(self) // most)] if len(self) > most else self

    def by_row(self, values: Tensor) -> Tensor:
        """Values of the points (k n, ...) as (k, n, ...)."""
        return values.unflatten(0, (self.per_row, len(self)))

    def tensors(self) -> dict[str, Tensor]:
        """All that the residuals at these points depend on, by name."""
        named = {"x": self.x, "normal": self.normal, "weight": self.weight, "past": self.past, **self.columns}
        named["directions"] = self.directions
        return {name: values for name, values in named.items() if values is not None}

    def _mapped(self, function: Callable[[Tensor], Tensor], weight: bool = True) -> "Points":
        def on(values: Tensor | None) -> Tensor | None:
            return None if values is None else function(values)

        return Points(
            function(self.x),
            on(self.normal),
            self.per_row,
            on(self.weight) if weight else None,
            {name: function(values) for name, values in self.columns.items()},
            on(self.past),
            on(self.directions),
        )


# The points of every region, by the region's label.
PointSet = Mapping[str, Points]
