"""What an export is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pinn.solution.loading import load
from pinn.solution.solution import Solution
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import read


@dataclass(frozen=True)
class Source:
    """A solution file, of which a format takes the numbers or the trained fields. trust: as of `pinn.load`."""

    path: Path
    trust: bool = False

    @property
    def contents(self) -> Contents:
        """The numbers; raises UserError where they cannot be read."""
        return read(self.path)

    @property
    def solution(self) -> Solution:
        """The trained fields; raises UserError where they cannot be rebuilt."""
        return load(self.path, trust=self.trust)
