"""What a lower floor calls and a higher one has: the package itself, which stands above both, enters it by its name."""

from collections.abc import Callable
from typing import Any

LATE: dict[str, Callable[..., Any]] = {}
