"""Errors that are the user's to mend."""


class UserError(ValueError):
    """What was wrong, what was got and what to try, in one line.

    The command line prints the message without a traceback and exits with status 2.
    """


def require(condition: bool, message: str) -> None:
    """Raise `UserError(message)` unless `condition` holds."""
    if not condition:
        raise UserError(message)
