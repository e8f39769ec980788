"""What conditions and data leave, place by place, and how it is drawn."""

import functools

import numpy as np
import torch

from pinn.diagnosis.conditions import remainders
from pinn.diagnosis.exact import exact_trial
from pinn.domains import Box, Time
from pinn.networks.mlp import MLP
from pinn.problem import Problem
from pinn.report.conditions import conditions_figure
from pinn.report.figures import drawn
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.solution_file.reading import read
from pinn.solution_file.remainders import LEFT, OBSERVED, remainders_in
from pinn.terms import Data, Dirichlet, Initial, Integral, Interior, Periodic
from pinn.trial.making import make_trial, make_windows


class Plate(Problem):
    """u = x + y with conditions that it misses."""

    def __init__(self):
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(lambda laplacian_u: laplacian_u),
            "left": Dirichlet(u=0.0, on="x.min"),  # missed by y
            "bottom": Dirichlet(u=lambda x: x, on="y.min"),
            "total": Integral("u", 5.0, on="x.max"),
            "seen": Data(at={"x": [0.25, 0.5], "y": [0.5, 0.5]}, u=[1.0, 2.0], noise=0.5),
        }

    def exact(self, x, y):
        return x + y


class Wave(Problem):
    """A periodic wave in time."""

    def __init__(self):
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(lambda u_t, u_x: u_t + u_x),
            "start": Initial(u=lambda x: x),
            "ends": Periodic("x", "u"),
        }


def test_each_condition_is_told_where_it_is_missed():
    columns = remainders(exact_trial(Plate()))
    left = {one.name: one for one in remainders_in(columns, LEFT)}
    assert list(left) == ["left", "seen"]  # an integral has no place, and what holds exactly leaves nothing
    np.testing.assert_array_equal(left["left"].places["x"], 0.0)
    np.testing.assert_allclose(left["left"].values, left["left"].places["y"], atol=1e-14)
    np.testing.assert_allclose(left["seen"].values, [-0.5, -2.0])  # over the noise
    (seen,) = remainders_in(columns, OBSERVED)
    assert (seen.name, seen.values.tolist(), seen.places["x"].tolist()) == ("u", [1.0, 2.0], [0.25, 0.5])


def test_windows_of_time_are_told_together():
    problem = Wave()
    torch.manual_seed(0)
    trial = make_windows(problem, functools.partial(MLP, width=4, depth=1), 2, constraints="soft")
    left = {one.name: one for one in remainders_in(remainders(trial), LEFT)}
    assert set(left) == {"start", "ends"}
    times = left["ends"].places["t"]
    assert 0.4 < (times < 0.5).mean() < 0.6  # as many in each of both windows
    places = left["start"].places
    values = trial.evaluate(["u"], torch.as_tensor(np.stack([places["x"], places["t"]], 1)))["u"].numpy()
    np.testing.assert_allclose(left["start"].values, values - places["x"], atol=1e-14)


def test_what_is_left_is_kept_and_drawn(tmp_path):
    trial = make_trial(Plate(), functools.partial(MLP, width=4, depth=1), constraints="soft")
    history, attributes = {"step": np.array([1]), "loss": np.array([1.0])}, {"wall_seconds": 1.0}
    solution = Solution(
        trial, history=history, diagnosis=remainders(trial), attributes=attributes, output=Output(resolution=9)
    )
    contents = read(solution.save(tmp_path))
    figure = conditions_figure(contents)
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert set(panels) == {"left", "bottom", "seen"}
    assert panels["left"].get_xlabel() == "y"
    first = drawn(contents).axes[0]
    places = np.concatenate([collection.get_offsets() for collection in first.collections])
    assert sorted(places.tolist()) == [[0.25, 0.5], [0.5, 0.5]]
    contents.diagnosis = {}
    assert conditions_figure(contents) is None
