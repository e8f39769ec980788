"""What the command line would pass to `solve`, for Python."""

from typing import Any

from pinn.basis.errors import UserError
from pinn.cli.composition import arguments, composed
from pinn.cli.mistakes import explain


def configured(*words: str) -> dict[str, Any]:
    """The arguments with which `pinn WORDS` calls `solve`: a problem with the network and optimizer that suit it.

    words: options as on the command line, `solve(**configured("problem=wave", "seed=1"))`. Nothing is written, as
    `solve` is told no folder. Raises UserError where a word does not fit.
    """
    try:
        return arguments(composed(words))
    except Exception as error:
        message, status = explain(error)
        if status == 2 and not isinstance(error, UserError):
            raise UserError(message) from error
        raise
