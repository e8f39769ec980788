"""What a check of derivatives found, and how it reads."""

from collections.abc import Iterable
from dataclasses import dataclass

PAIRS = (("taylor", "reverse"), ("taylor", "numbers"), ("reverse", "numbers"))


@dataclass(frozen=True)
class Comparison:
    """Two computations of one named quantity at the same points.

    engine: `taylor` or `reverse`. against: `reverse`, `complex step` or `differences`. where: the region.
    discrepancy: the largest |a - b| over the points, relative to the quantity's size. bound: what it may be.
    """

    name: str
    engine: str
    against: str
    where: str
    discrepancy: float
    bound: float

    @property
    def ratio(self) -> float:
        """discrepancy / bound; infinite where the discrepancy is not a number."""
        return self.discrepancy / self.bound if self.discrepancy <= float("inf") else float("inf")

    @property
    def passed(self) -> bool:
        return self.ratio <= 1.0

    def __str__(self) -> str:
        relation = "<=" if self.passed else ">"
        pair = f"{self.engine} and {self.against} differ by"
        return f"{self.name}: {pair} {self.discrepancy:.2g} {relation} {self.bound:.2g} ({self.where})"


@dataclass(frozen=True)
class DerivativeCheck:
    """The comparisons of all names in all regions, and remarks in words.

    `print` shows a table, a line a name with the worst of its regions. failures: reasons to fail beside comparisons.
    """

    comparisons: tuple[Comparison, ...]
    remarks: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures and all(comparison.passed for comparison in self.comparisons)

    @property
    def names(self) -> tuple[str, ...]:
        """What was compared, in the order of the problem's terms."""
        return tuple(dict.fromkeys(comparison.name for comparison in self.comparisons))

    @property
    def largest(self) -> dict[str, Comparison]:
        """Name -> the comparison of it that is worst in relation to its bound."""
        return {name: _worst(c for c in self.comparisons if c.name == name) for name in self.names}

    def __str__(self) -> str:
        titles = [f"{engine} - {against}" for engine, against in PAIRS]
        lines = [_line("name", titles, "bound of the numbers", self._width), *self._rows()]
        lines += [f"note: {remark}" for remark in self.remarks]
        failed = [c for c in self.largest.values() if not c.passed]
        if self.passed:
            lines.append(f"passed: {len(self.names)} names; discrepancies are relative to each quantity's size")
        lines += [f"FAILED: {reason}" for reason in self.failures]
        lines += [f"FAILED: {comparison}{self._culprit(comparison.name)}" for comparison in failed]
        return "\n".join(lines)

    @property
    def _width(self) -> int:
        return max([len(name) for name in self.names] + [4])

    def _rows(self) -> list[str]:
        rows = []
        for name in self.names:
            cells, by = [], ""
            for engine, against in PAIRS:
                pair = [c for c in self.comparisons if c.name == name and (c.engine, _kind(c)) == (engine, against)]
                worst = _worst(pair) if pair else None
                cells.append(f"{worst.discrepancy:.1e}" + ("" if worst.passed else " !") if worst else "-")
                if worst and against == "numbers":
                    by = f"{worst.bound:.0e} {worst.against}"
            rows.append(_line(name, cells, by, self._width))
        return rows

    def _culprit(self, name: str) -> str:
        """Whose fault it is, where one engine alone contradicts the numbers."""
        wrong = {c.engine for c in self.comparisons if c.name == name and _kind(c) == "numbers" and not c.passed}
        return f"; {wrong.pop()} is wrong by the numbers" if len(wrong) == 1 else ""


def _kind(comparison: Comparison) -> str:
    return "reverse" if comparison.against == "reverse" else "numbers"


def _worst(comparisons: Iterable[Comparison]) -> Comparison:
    return max(comparisons, key=lambda comparison: comparison.ratio)


def _line(name: str, cells: list[str], last: str, width: int) -> str:
    return f"{name:{width}}" + "".join(f"  {cell:>17}" for cell in cells) + f"  {last}".rstrip()
