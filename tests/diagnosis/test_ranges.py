"""Tables in problems: both engines, borders of parts, kinks of data, and domains that leave a table."""

from functools import partial
from math import pi

import numpy as np
import pytest
import torch
from agreement import assert_agree

import pinn
from pinn.ansatz.from_conditions import DerivedAnsatz
from pinn.basis.errors import UserError
from pinn.derivatives.tables import Table
from pinn.diagnosis.preflight import preflight
from pinn.networks.mlp import MLP
from pinn.problem import Problem, derived
from pinn.trial.making import make_trial
from pinn.trial.parts import find_parts

network = partial(MLP, width=6, depth=2)
NODES = np.linspace(0.0, 1.0, 9)


class Rod(Problem):
    """u_t = (k(x, u) u_x)_x + s(x) with what a test is about in tables."""

    def __init__(self, k, start=0.0, source=lambda x: 0 * x) -> None:
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields = ("u",)
        self.k, self.start, self.source = k, start, source

    def terms(self):
        return {
            "heat": pinn.Interior(self.heat),
            "ends": pinn.Dirichlet(u=0.0, on=("x.min", "x.max")),
            "start": pinn.Initial(u=self.start),
        }

    @derived
    def flux(self, x, u, u_x):
        return self.k(x, u) * u_x

    def heat(self, x, u_t, flux_x):
        return u_t - flux_x - self.source(x)


def of_x(table):
    return lambda x, u: table(x)


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_both_engines_differentiate_a_coefficient_of_a_field(kind):
    torch.manual_seed(0)
    table = Table({"x": NODES, "u": np.linspace(-3, 3, 7)}, 1 + np.outer(NODES, np.arange(7.0) ** 2), kind)
    x = torch.rand(20, 2, dtype=torch.float64)
    taylor, reverse = (
        make_trial(Rod(table), network, constraints="soft", derivatives=engine) for engine in ("taylor", "reverse")
    )
    reverse.load_parameters(taylor.parameters())
    found, known = (trial.evaluate(["flux", "flux_x", "flux_xx"], x) for trial in (taylor, reverse))
    for name, values in known.items():
        assert_agree(found[name], values, name)


def test_the_kinks_of_a_linear_coefficient_are_borders_of_parts():
    bent = Table([0.0, 0.3, 0.7, 1.0], [1.0, 2.0, 2.0, 5.0])
    parts = find_parts(Rod(of_x(bent)))
    assert parts is not None and parts.count == 3
    straight = Table([0.0, 0.3, 0.7, 1.0], [1.0, 1.3, 1.7, 2.0])  # cells between which nothing changes
    assert find_parts(Rod(of_x(straight))) is None
    smooth = Table(NODES, np.exp(NODES), kind="cubic")
    assert find_parts(Rod(of_x(smooth))) is None
    assert find_parts(Rod(lambda x, u: bent(u))) is None


def test_a_start_of_kinks_stays_soft_and_a_smooth_one_is_exact():
    k = of_x(Table(NODES, 1 + NODES, kind="cubic"))
    for kind, exact in (("linear", False), ("cubic", True)):
        start = Table({"x": NODES}, np.sin(pi * NODES), kind)
        trial = make_trial(Rod(k, start), network, constraints="hard")
        assert isinstance(trial.ansatz, DerivedAnsatz)
        assert ("start" not in trial.ansatz.soft) == exact


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            Rod(of_x(Table({"x": NODES * 0.999}, NODES))),
            r"reaches in x from 0 to 0.999, and flux asks for it from 0 to 1",
        ),
        (Rod(of_x(Table(NODES, NODES)), Table({"x": NODES + 0.01}, NODES)), r"reaches in x from 0.01 .* start asks"),
        (Rod(of_x(Table(NODES, NODES)), source=Table(NODES * 0.5, NODES)), r"from 0 to 0.5, and heat asks"),
    ],
)
def test_a_domain_that_leaves_a_table_is_told_before_training(problem, told):
    with pytest.raises(UserError, match=told):
        preflight(make_trial(problem, network, constraints="soft"))


def test_tables_that_cover_the_domain_or_are_clamped_or_of_a_field_are_no_mistake():
    clamped = Table(NODES * 0.5, 1 + NODES, outside="clamp")
    assert preflight(make_trial(Rod(lambda x, u: clamped(x)), network, constraints="soft")).passed
    of_u = Table(NODES * 1e-3, 1 + NODES)
    assert preflight(make_trial(Rod(lambda x, u: of_u(u)), network, constraints="soft")).passed


def test_a_table_whose_axis_has_no_name_is_no_value():
    with pytest.raises(UserError, match=r"lambda x: table\(x\)"):
        preflight(make_trial(Rod(of_x(Table(NODES, NODES)), Table(NODES, NODES)), network, constraints="soft"))
