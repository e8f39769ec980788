"""What was computed before, to be had again."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Memory:
    """Values by key, the latest ones, up to some number of bytes in all."""

    def __init__(self, size: int = 2**28) -> None:
        self.size = size
        self._known: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._held = 0

    def __getitem__(self, key: Hashable) -> Any:
        """The value, which is now the latest; None where it is not known."""
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key][0]

    def keep(self, key: Hashable, value: Any, size: int) -> None:
        """Remember a value of so many bytes, and forget the oldest ones beyond the bound."""
        self._held += size - self._known.get(key, (None, 0))[1]
        self._known[key] = value, size
        self._known.move_to_end(key)
        while self._held > self.size and len(self._known) > 1:
            self._held -= self._known.popitem(last=False)[1][1]
