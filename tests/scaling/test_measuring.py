"""Sizes of fields and equations, measured on problems in units of all kinds."""

from functools import partial
from math import pi
from typing import ClassVar

import pytest
import torch

import pinn
from pinn.networks import MLP
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.problems import AllenCahn, Burgers, ElasticityPlate, Helmholtz, Kovasznay, LidDrivenCavity, Poisson2D, Wave
from pinn.problems.drum import Drum
from pinn.residuals.residuals import Residuals
from pinn.sampling import SobolSampler
from pinn.scaling.measuring import measure_sizes
from pinn.scaling.sizes import Sizes
from pinn.training.initial_guess import set_initial_guess
from pinn.trial.making import make_trial


class Rod(pinn.Problem):
    """Heat in a rod, rho c T_t = k T_xx: lengths, times and temperatures in other units, the equation multiplied."""

    def __init__(self, length=1.0, time=1.0, level=0.0, rise=1.0, factor=1.0):
        self.length, self.time, self.level, self.rise, self.factor = length, time, level, rise, factor
        self.domain = pinn.Box(x=(0, length)) * pinn.Time(t=(0, time))
        self.fields = ("T",)

    def terms(self):
        return {
            "heat": pinn.Interior(self.heat),
            "ends": pinn.Dirichlet(T=self.level, on=("x.min", "x.max")),
            "start": pinn.Initial(T=lambda x: self.level + self.rise * torch.sin(pi * x / self.length)),
        }

    def heat(self, T_t, T_xx):
        return self.factor * (self.time * T_t - 0.1 * self.length**2 * T_xx)

    def exact(self, x, t):
        return self.level + self.rise * torch.sin(pi * x / self.length) * torch.exp(-0.1 * pi**2 * t / self.time)


class Layers(pinn.Problem):
    """Conduction in two stacked squares: a temperature below, a flux into the top, insulated sides.

    The upper field has no value of its own: its level comes from the lower one's, its size from the flux.
    """

    def __init__(self):
        self.domain = pinn.Box(x=(0, 1), y=(0, 2))
        self.lower, self.upper = pinn.Box(x=(0, 1), y=(0, 1)), pinn.Box(x=(0, 1), y=(1, 2))
        self.fields = ("u", "v")

    def terms(self):
        return {
            "lower": pinn.Interior(lambda laplacian_u: laplacian_u, inside=self.lower),
            "upper": pinn.Interior(lambda laplacian_v: laplacian_v, inside=self.upper),
            "bottom": pinn.Dirichlet(u=300.0, on="y.min", of=self.lower),
            "top": pinn.Neumann(v=0.5, on="y.max", of=self.upper),
            "sides_u": pinn.Neumann(u=0.0, on=("x.min", "x.max"), of=self.lower),
            "sides_v": pinn.Neumann(v=0.0, on=("x.min", "x.max"), of=self.upper),
            "contact": pinn.Interface(("u", "v"), of=self.lower, on="y.max", conductivities=(1.25, 400.0)),
        }


class Bar(pinn.Problem):
    """(E u')' + f = 0 of a stiff bar under its load, one end free: the displacement is sized by the balance."""

    scales: ClassVar = {}

    def __init__(self, stiffness=2e11, load=1e6):
        self.stiffness, self.load = stiffness, load
        self.domain = pinn.Box(x=(0, 0.1))
        self.fields = ("u",)

    @pinn.derived
    def stress(self, u_x):
        return self.stiffness * u_x

    def terms(self):
        return {
            "balance": pinn.Interior(lambda stress_x: stress_x + self.load),
            "clamp": pinn.Dirichlet(u=0.0, on="x.min"),
            "free": pinn.Boundary(lambda stress: stress, on="x.max"),
        }


@pytest.mark.parametrize(
    "kind", [AllenCahn, Burgers, ElasticityPlate, Helmholtz, Kovasznay, LidDrivenCavity, Poisson2D, Wave]
)
def test_problems_of_order_one_are_left_as_they_are(kind):
    assert measure_sizes(kind()) == Sizes()


def test_levels_and_ranges_come_from_data():
    sizes = measure_sizes(Rod(level=293.0, rise=480.0))
    level, size = sizes.fields["T"]
    assert 293 < level < 773
    assert size == pytest.approx(100.0)  # half of the range, 240, to a power of ten
    assert sizes.equations["start"] == pytest.approx(100.0)


def test_powers_of_ten_in_units_are_the_same_in_sizes():
    small = measure_sizes(Rod(rise=1e3, factor=1e4))
    large = measure_sizes(Rod(rise=1e6, factor=1e-7, length=1e-3, time=1e5))
    assert large.fields["T"][1] / small.fields["T"][1] == pytest.approx(1e3)
    assert large.equations["heat"] / small.equations["heat"] == pytest.approx(1e-8)
    assert large.equations["start"] / small.equations["start"] == pytest.approx(1e3)


def test_interfaces_hand_on_levels_and_sizes():
    sizes = measure_sizes(Layers())
    (u, u_size), (v, v_size) = sizes.fields["u"], sizes.fields["v"]
    assert (u, v) == pytest.approx((380.0, 460.0), rel=0.1)  # u from 300 to 460, v half a degree above
    assert v_size <= 1.0 <= 10.0 < u_size


def test_a_balance_sizes_what_no_condition_does():
    deflection = 1e6 * 0.1**2 / (2 * 2e11)  # f L^2 / (2 E) at the free end: 2.5e-8
    sizes = measure_sizes(Bar())
    assert sizes.fields["u"][1] == pytest.approx(1e-8)
    assert 0.1 < sizes.fields["u"][1] / deflection < 1.0
    assert 1e4 < sizes.equations["free"] < 1e6  # of 1e5 N / m^2 at the clamp


def test_a_problems_own_scales_override():
    bar = Bar()
    bar.scales = {"u": 3e-8}  # type: ignore[misc]
    assert measure_sizes(bar).fields["u"] == (0.0, 3e-8)
    assert measure_sizes(bar, "none") == Sizes()


class Heater(pinn.Problem):
    """k T_xx = -q in a rod with ends at zero, the source q to be found from temperatures: 5 in kilo-units."""

    def __init__(self, kilo=1.0, start=1.0):
        self.domain, self.fields, self.k = pinn.Box(x=(0, 1)), ("T",), 15.0 * kilo
        self.unknowns = {"q": start}
        self.x = torch.linspace(0.1, 0.9, 9, dtype=torch.float64).numpy()
        self.T = 5.0 / 15.0 * self.x * (1 - self.x) / 2 + 1e-3 * (-1.0) ** torch.arange(9).numpy()

    def terms(self):
        return {
            "heat": pinn.Interior(lambda T_xx, q: self.k * T_xx + q),
            "ends": pinn.Dirichlet(T=0.0, on=("x.min", "x.max")),
            "seen": pinn.Data(at={"x": self.x}, T=self.T, noise=1e-3),
        }


@pytest.mark.parametrize("start", [0.0, 1.0, 100.0])
def test_an_unknown_is_as_large_as_what_it_changes(start):
    """Whatever the first guess; of an eigenvalue, which no data tell, none is measured."""
    assert "q" not in measure_sizes(Heater(start=start)).fields  # about one
    assert measure_sizes(Heater(1e3, start)).fields["q"][1] in (1e3, 1e4)
    assert measure_sizes(Heater(1e-3, start)).fields["q"][1] in (1e-3, 1e-2)
    assert "E" not in measure_sizes(Drum()).fields


@pytest.mark.estimates
@pytest.mark.parametrize("kilo", [1.0, 1e3, 1e-3])
def test_an_unknown_is_found_in_any_unit(kilo, tmp_path):
    """From a guess of one in all of them, which is up to some thousand times too small or too large."""
    training = pinn.Training(steps=40, time_limit=None)
    network = partial(MLP, width=12, depth=2)
    found = pinn.solve(Heater(kilo), network, training=training, optimizer=LeastDamping(), compile="never")
    q = found.unknowns["q"]
    assert abs(float(q) - 5.0 * kilo) < 4 * q.standard_error  # of nine readings
    assert q.standard_error == pytest.approx(0.053 * kilo, rel=0.5)  # by hand: noise / sqrt(sum of (T / q)^2)
    file = found.save(tmp_path / "solution.h5")
    assert float(pinn.load(file, trust=True).unknowns["q"]) == pytest.approx(float(q))
    trial = make_trial(Heater(kilo), network)  # of other sizes
    set_initial_guess(Residuals(trial), str(file), SobolSampler(), 0)
    assert trial.unknowns["q"] == pytest.approx(float(q))


def test_given_noise_is_the_size_of_data():
    class Seen(Rod):
        def terms(self):
            at = {"x": [0.2, 0.5], "t": [0.1, 0.4]}
            return super().terms() | {"seen": pinn.Data(at=at, T=[400.0, 300.0], noise=0.1)}

    assert "seen" not in measure_sizes(Seen(level=293.0, rise=480.0)).equations


def test_all_kinds_of_terms_are_measured():
    class Kinds(pinn.Problem):
        domain = pinn.Box(x=(0, 1), y=(0, 1))
        fields = ("u", "v")

        def terms(self):
            return {
                "jacobian": pinn.Interior(lambda jacobian: 1e5 * (jacobian[:, 0, 0] - jacobian[:, 1, 1])),
                "period": pinn.Periodic("y", ("u", "v_y")),
                "robin": pinn.Robin(u=3e4, coefficients=(1.0, 2.0), on="x.max"),
                "norm": pinn.Integral(lambda v: v**2, 1e6),
                "mean": pinn.Mean(u=1e4),
            }

    sizes = measure_sizes(Kinds())
    assert sizes.fields["u"][1] == pytest.approx(1e4)  # its mean is 1e4, the level of the other side 3e4
    assert sizes.fields["v"][1] == pytest.approx(1e3)  # whose mean square is 1e6
    assert sizes.equations["jacobian"] == pytest.approx(1e9, rel=9.1)  # of 1e5 times 1e4
