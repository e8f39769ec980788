"""The table that ends a run, in wide and narrow terminals."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pinn.diagnosis.verdict import Verdict, Word
from pinn.report.closing import closing_table
from pinn.solution_file.results import Result

LONG = Path("runs") / ("a_folder_with_a_name_" * 6) / "solution.h5"
VERDICT = Verdict(Word.NOT_SOLVED, ("u is off by more than anything that was asked of it", "and so is v"), "more time")
SOLUTION = SimpleNamespace(
    problem=SimpleNamespace(name="heat", truth_kind="exact"),
    attributes={"outcome": "time limit reached", "wall_seconds": 12.5, **VERDICT.attributes},
    errors=lambda: {"u": {"relative_l2": 0.01, "max": 0.1}},
    history={"step": np.array([7]), "held_out": np.array([0.04]), "held_out/equation": np.array([0.04])},
    trial=SimpleNamespace(unknowns={}),
    results={"drag": Result(np.array([5.579]), 5.579, unit="N")},
)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_paths_and_words_are_not_broken(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    told = closing_table(SOLUTION, [LONG, LONG.parent / "report.html"])
    lines = told.splitlines()
    assert f"files {LONG}" in lines
    assert f"      {LONG.parent / 'report.html'}" in lines
    assert max(len(line) for line in lines if "/" not in line) <= width
    words = told.split()
    errors = ("error of u", "1.00e-02", "drag (N)", "5.579")
    for part in ("not solved", *errors, "anything that was asked of it", "more time", "12.5 s"):
        assert all(word in words for word in part.split()), part
    assert ("relative L2 to the exact solution" in told) == (width == 100)  # a note that there is room for


def test_a_pipe_is_as_wide_as_need_be(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError))
    assert max(map(len, closing_table(SOLUTION, [Path("a")]).splitlines())) <= 100
