"""What Sphinx makes of docstrings: they are plain text with formulas, in which | and * are no markup."""

import re
from typing import Any

KEPT_OR_MARKUP = re.compile(r"(`[^`]*`|^ *\* )|([\\|*]|_\b)", re.MULTILINE)  # code and bullets, or what is escaped


def setup(application: Any) -> None:
    application.connect("autodoc-process-docstring", escape, priority=100)  # before napoleon's own markup


def escape(application: Any, kind: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Escape, in place, the markup of a docstring outside backticks and bullets."""
    text = KEPT_OR_MARKUP.sub(lambda found: found[1] or f"\\{found[2]}", "\n".join(lines))
    lines[:] = text.split("\n")
