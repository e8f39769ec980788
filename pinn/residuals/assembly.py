"""How a residual and its Jacobian are computed, and the memory for that."""

from dataclasses import dataclass, field

from torch import Tensor

from pinn.basis.errors import require

JACOBIANS = ("captured", "reference")


@dataclass(frozen=True)
class Assembly:
    """How r and J are computed, which changes their numbers by rounding alone.

    jacobian: `captured` builds J from one reverse pass a component, `reference` by vmap(jacrev) over functional_call.
    chunk: points whose rows of J are held at once; None keeps them below 512 MiB. compile: elementwise functions by
    torch.compile, which takes seconds at first.
    """

    jacobian: str = "captured"
    chunk: int | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        known = self.jacobian in JACOBIANS
        require(known, f"jacobian must be {' or '.join(JACOBIANS)}, got {self.jacobian!r}")
        require(self.chunk is None or self.chunk >= 1, f"jacobian_chunk must be >= 1 or null, got {self.chunk}")


@dataclass
class Workspace:
    """What is kept when points are redrawn: memory for J, which regions' rows couple, whether J goes by the tape."""

    jacobian: str
    matrix: Tensor | None = None
    coupled: dict[str, bool] = field(default_factory=dict)

    def rows(self, theta: Tensor, rows: int) -> Tensor:
        """Memory for J (rows, p): fresh memory of that size costs as much as filling it."""
        shape, kept = (rows, len(theta)), self.matrix
        if kept is None or kept.shape != shape or kept.dtype != theta.dtype or kept.device != theta.device:
            self.matrix = kept = None  # its memory, before the other is taken
            self.matrix = kept = theta.new_empty(shape)
        return kept
