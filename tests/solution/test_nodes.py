"""The nodes of a solution file, and outputs that are none."""

import numpy as np
import pytest

from pinn.basis.errors import UserError
from pinn.domains import Box, Time
from pinn.solution import Output
from pinn.solution.nodes import make_nodes


@pytest.mark.parametrize(
    ("space", "time", "shape"),
    [
        ("x", None, (1001,)),
        ("", "t", (1001,)),
        ("x", "t", (101, 257)),
        ("xy", None, (129, 129)),
        ("xy", "t", (21, 65, 65)),
        ("xyz", None, (33, 33, 33)),
        ("xyz", "t", (11, 33, 33, 33)),
        ("abcd", None, (4096,)),
        ("abcdefghi", "t", (11, 4096)),
    ],
)
def test_default_resolutions(space, time, shape):
    clock = Time(t=(0, 1))
    box = Box(**dict.fromkeys(space, (0.0, 1.0))) if space else None
    domain = clock if box is None else box * clock if time else box
    assert make_nodes(domain).shape == shape


def test_points_are_numbered_as_the_arrays_are():
    domain = Box(x=(0, 2), y=(5, 6)) * Time(t=(0, 1))
    nodes = make_nodes(domain, {"x": 3, "y": 2, "t": 4})
    assert list(nodes.dimensions) == ["t", "y", "x"]
    points = nodes.points(["x", "y", "t"]).reshape(4, 2, 3, 3)
    assert np.array_equal(points[1, 1, 2], [2.0, 6.0, 1 / 3])


def test_scattered_nodes_fill_the_box_and_repeat():
    names = [f"x{i}" for i in range(1, 6)]
    bounds = {name: (-1.0, 3.0 + i) for i, name in enumerate(names)}
    nodes, again = (make_nodes(Box(**bounds) * Time(t=(0, 1)), {"node": 512}) for _ in range(2))
    assert nodes.shape == (11, 512)
    for name, (lowest, highest) in bounds.items():
        assert np.array_equal(nodes.positions[name], again.positions[name])
        # a Sobol sequence of 2^9 points has one in each of 512 equal intervals
        cells = np.floor((nodes.positions[name] - lowest) / (highest - lowest) * 512)
        assert len(set(cells)) == 512
    points = nodes.points([*names, "t"]).reshape(11, 512, 6)
    assert np.array_equal(points[3, :, 0], nodes.positions["x1"])
    assert np.ptp(points[3, :, 5]) == 0


@pytest.mark.parametrize("resolution", [1, 0, -3, 2.5, True, {"x": 1}])
def test_a_resolution_below_two_is_an_error(resolution):
    with pytest.raises(UserError, match="resolution must be whole numbers >= 2"):
        Output(resolution=resolution)


def test_other_wrong_outputs_are_errors(solution):
    with pytest.raises(UserError, match=r"output.resolution names 'y'; the dimensions are t, x"):
        solution.errors(Output(resolution={"y": 5}))
    for chunk in (0, -1, 1.5):
        with pytest.raises(UserError, match=f"output.chunk must be a number >= 1 or null, got {chunk}"):
            Output(chunk=chunk)
