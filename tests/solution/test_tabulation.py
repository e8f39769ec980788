"""Arrays on the nodes, filled block by block: with little memory, and the same as at once."""

import functools
import gc
import io
import sys
import tracemalloc

import numpy as np
import pytest

from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problems import Kovasznay
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution, tabulation
from pinn.solution_file.nodes import Nodes, blocks
from pinn.solution_file.reading import read
from pinn.trial.making import make_trial


@pytest.mark.parametrize("shape", [(7,), (3, 5), (4, 1, 6), (2, 3, 4, 5)])
@pytest.mark.parametrize("entries", [1, 4, 17, 1000])
def test_blocks_cover_an_array_in_its_order(shape, entries):
    numbers = np.arange(np.prod(shape)).reshape(shape)
    parts = [numbers[block] for block in blocks(shape, entries)]
    assert np.array_equal(np.concatenate([part.ravel() for part in parts]), numbers.ravel())
    assert max(part.size for part in parts) <= entries


def test_points_of_a_block_are_those_of_the_whole():
    axes = {"t": np.array([0.0, 0.5]), "nu": np.arange(3.0), "node": np.arange(4)}
    nodes = Nodes(axes, {"x": np.linspace(1, 2, 4), "y": np.linspace(5, 7, 4)}, "t", ("nu",))
    whole = nodes.points(["x", "y", "nu", "t"]).reshape(2, 3, 4, 4)
    block = (slice(1, 2), slice(1, 3), slice(0, 4))
    assert np.array_equal(nodes.points(["x", "y", "nu", "t"], block), whole[block].reshape(-1, 4))
    assert whole[1, 2, 3].tolist() == [2.0, 7.0, 2.0, 0.5]


def kovasznay(**output):
    trial = make_trial(Kovasznay(), functools.partial(MLP, width=4, depth=1))
    return Solution(trial, Residuals(trial), output=Output(**output))


def test_blocks_do_not_change_the_file(tmp_path, monkeypatch):
    solution = kovasznay(resolution=21, derivatives=("u_y",))
    whole = solution.contents()
    monkeypatch.setattr(tabulation, "BLOCK", 64)
    pieces = read(solution.save(tmp_path / "pieces.h5"))
    for group in ("fields", "derivatives", "reference", "error", "residual"):
        for name, values in getattr(whole, group).items():
            # matrix products of other sizes may sum in another order, and so may means
            assert np.abs(values - getattr(pieces, group)[name]).max() < 1e-12
    # the pressure is compared less its mean over all blocks
    for name in ("relative_l2_p", "max_error_p", "relative_l2_u"):
        assert pieces.attributes[name] == pytest.approx(whole.attributes[name], rel=1e-12)


def test_a_large_file_needs_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tabulation, "BLOCK", 2**14)
    solution = kovasznay(resolution={"x": 1024, "y": 512}, chunk=2**12)
    solution.residuals = None
    kovasznay(resolution=5).save(tmp_path / "small.h5")  # what is loaded at first
    gc.collect()
    tracemalloc.start()
    try:
        monkeypatch.setattr("pinn.solution.truth.KEPT", 0)
        solution.save(tmp_path / "large.h5")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # one of nine arrays in it has 2**19 numbers of 8 bytes; a block of 2**14 points has a thirtieth of that
    assert peak < 8 * 2**19


def test_a_progress_bar_is_shown_for_many_nodes_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    parts = list(blocks((4,), 1))
    assert list(tabulation.shown(parts, 100)) == parts
    assert terminal.getvalue() == ""
    assert list(tabulation.shown(parts, 10**7)) == parts
    assert "10,000,000 nodes" in terminal.getvalue()


def test_blocks_hold_whole_chunks():
    from pinn.solution.nodes import make_nodes

    nodes = make_nodes(Box(x=(0, 1), y=(0, 1)) * Time(t=(0, 1)), {"x": 300, "y": 200, "t": 40})
    chunk = nodes.chunk(tabulation.BLOCK)
    assert chunk == (1, 200, 300)
    assert {block[0].stop - block[0].start for block in blocks(nodes.shape, tabulation.BLOCK)} == {2}
