"""The ansatz that a problem defines itself."""

from collections.abc import Mapping

from pinn.basis.arguments import argument_names
from pinn.basis.errors import UserError, require
from pinn.derivatives.jets import Fields, Values
from pinn.problem import Problem


class WrittenAnsatz:
    """The problem's method `ansatz`, by the names of its arguments.

    mirrored: as of `DerivedAnsatz`, none. fields: that it may make of raw outputs. Raises UserError where the method
    asks for anything but coordinates and fields.
    """

    mirrored: Mapping[str, tuple[str, ...]] = {}
    powers: Mapping[str, int] = {}

    def __init__(self, problem: Problem) -> None:
        self.method = problem.ansatz  # type: ignore[attr-defined]
        self.names = argument_names(self.method)
        self.coordinates = problem.coordinates
        self.fields = problem.vocabulary.fields
        known = (*problem.coordinates, *problem.vocabulary.fields)
        unknown = [name for name in self.names if name not in known]
        require(
            not unknown,
            f"ansatz asks for {', '.join(unknown)}; it may use coordinates and fields: {', '.join(known)}",
        )

    def __call__(self, x: Values, outputs: Fields) -> Fields:
        """The fields at coordinates x (n, d) from the raw outputs by name; raises UserError for anything else."""
        columns = {name: x[:, i] for i, name in enumerate(self.coordinates) if name in self.names}
        made = self.method(*((columns | outputs)[name] for name in self.names))
        if not isinstance(made, Mapping) or not set(made) <= set(outputs):
            raise UserError(f"ansatz must return a dict of fields ({', '.join(outputs)}), got {made!r}")
        return outputs | dict(made)
