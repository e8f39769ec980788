"""The waist: scaling, and the parameter Jacobian by every path."""

from functools import partial
from typing import ClassVar

import pytest
import torch
from agreement import assert_agree
from torch import nn
from torch.func import jacrev

from pinn.basis.errors import UserError
from pinn.derivatives.tape import Tape
from pinn.domains import Box, Region, Time
from pinn.networks import MLP, RandomWeightFactorization
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import bind
from pinn.residuals.residuals import Residuals
from pinn.sampling import Points, SobolSampler
from pinn.terms import Boundary, Dirichlet, Initial, Interior, Periodic
from pinn.trial.making import make_trial


class Stokes(Problem):
    """A system of three equations with an unknown viscosity, and conditions that use the normal."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u", "v", "p")
        self.unknowns = {"nu": 0.3}

    def terms(self):
        return {
            "momentum_x": Interior(
                lambda u, u_x, u_y, v, p_x, laplacian_u, nu: u * u_x + v * u_y + p_x - nu * laplacian_u
            ),
            "momentum_y": Interior(
                lambda u, v_x, v, v_y, p_y, laplacian_v, nu: u * v_x + v * v_y + p_y - nu * laplacian_v
            ),
            "mass": Interior(lambda u_x, v_y: u_x + v_y),
            "walls": Dirichlet(u=0.0, v=lambda x: x * (1 - x), on=("x.min", "y.max")),
            "outlet": Boundary(
                lambda u_x, u_y, p, normal_x, normal_y, nu: nu * (u_x * normal_x + u_y * normal_y) - p,
                on="x.max",
            ),
        }


class TwiceUsed(nn.Module):
    """A layer used twice, a gate outside linear layers and a weight computed from parameters."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = nn.Linear(inputs, 7)
        self.shared = nn.Linear(7, 7)
        self.last = nn.Linear(7, outputs, bias=False)
        self.gate = nn.Parameter(torch.tensor(0.4))
        self.shift = nn.Parameter(torch.linspace(-1, 1, 7))
        self.log_scale = nn.Parameter(0.1 * torch.randn(outputs))

    def forward(self, x):
        h = torch.tanh(self.first(x) + self.shift)
        h = h + self.gate * torch.tanh(self.shared(h))
        h = (1 - self.gate) * torch.sin(self.shared(h)) + h
        return torch.nn.functional.linear(h, self.log_scale.exp()[:, None] * self.last.weight)


class Advection(Problem):
    """Periodic in x, values and slopes; on the soft path each residual there compares two points."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 2)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(lambda u_t, u_x: u_t + u_x),
            "seam": Periodic("x", ("u", "u_x")),
            "start": Initial(u=lambda x: x),
        }


class Integral(Problem):
    """u_t - mean u + integral of u over the points: every row depends on all points."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 2)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "equation": Interior(lambda u_t, u: u_t - u.mean() * u),
            "gradient": Interior(lambda u_x: u_x),
            "start": Initial(u=lambda x: x),
        }


NETWORKS = {"mlp": partial(MLP, width=6, depth=2), "twice": TwiceUsed}
PROBLEMS = {"burgers": Burgers, "stokes": Stokes, "advection": Advection}


def setup(problem, network, constraints="soft", n=17, **settings):
    trial = make_trial(problem, network, constraints=constraints)
    residuals = Residuals(trial, **settings)
    return residuals, residuals.draw(SobolSampler(interior=n, boundary=5), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("constraints", ["soft", "hard"])
def test_captured_jacobian_is_the_reference(problem, network, constraints):
    captured, points = setup(PROBLEMS[problem](), NETWORKS[network], constraints)
    theta, bound = captured.theta(), bind(captured, points)
    r, j = bound.jacobian(theta)
    expected_r, expected = bind(captured, points, Assembly(jacobian="reference")).jacobian(theta)
    assert bound.workspace.jacobian == "captured"
    assert j.shape == (len(bound), captured.p)
    assert_agree(r, expected_r, "r")
    assert_agree(j, expected, "J")
    assert (j != 0).any(0).all(), "a parameter has no influence at all: the test would not see its column"


@pytest.mark.parametrize("chunk", [None, 5])
def test_rows_that_depend_on_all_points_are_noticed(chunk):
    """The pointwise paths would give another J without a word."""
    residuals, points = setup(Integral(), NETWORKS["mlp"])
    bound, theta = bind(residuals, points, Assembly(chunk=chunk)), residuals.theta()
    r, j = bound.jacobian(theta)
    assert_agree(r, bound.residual(theta))
    assert_agree(j, jacrev(bound.residual)(theta))
    assert [bound.is_coupled(label) for label in points] == [True, False]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("engine", ["captured", "reference"])
@pytest.mark.parametrize("factorization", [None, RandomWeightFactorization()])
def test_the_last_layer_alone_is_a_problem_of_its_own(problem, engine, factorization):
    network = partial(MLP, width=6, depth=2, factorization=factorization)
    residuals, points = setup(PROBLEMS[problem](), network)
    bound, theta = bind(residuals, points, Assembly(engine)), residuals.theta()
    indices, block = bound.last_layer(theta)
    names = [name for name, shape in residuals.shapes.items() for _ in range(shape.numel())]
    weight = "core.last.weight" if factorization is None else "core.last.direction"
    unknowns = {f"unknowns.{name}" for name in residuals.trial.problem.unknowns}
    assert {names[i] for i in indices} == {weight, "core.last.bias"} | unknowns
    assert len(indices) == sum(name in {weight, "core.last.bias"} | unknowns for name in names)

    moved = theta.index_add(0, indices, 0.1 * torch.ones(len(indices), dtype=torch.float64))
    r, j = bound.jacobian(moved)
    found_r, found_j = block.jacobian(moved[indices])
    assert_agree(found_r, r, "r")
    assert_agree(found_j, j[:, indices], "J")
    assert_agree(block.residual(moved[indices]), r)
    assert float(block.loss(moved[indices])) == pytest.approx(float(bound.loss(moved)), rel=1e-13)
    assert_agree(block.loss_and_gradient(moved[indices])[1], 2 * j[:, indices].mT @ r, "gradient")
    assert_agree(block.normal_equations(moved[indices])[0], j[:, indices].mT @ j[:, indices], "J^T J")
    v = torch.randn(len(indices), dtype=torch.float64)
    assert_agree(block.jvp(moved[indices], v), j[:, indices] @ v, "J v")
    assert_agree(block.vjp(moved[indices], r), j[:, indices].mT @ r, "J^T r")


def test_held_layers_are_not_recorded():
    residuals, points = setup(Burgers(), NETWORKS["mlp"])
    parameters = residuals.trial.parameters()
    for name in ("core.last.weight", "core.last.bias"):
        parameters[name] = parameters[name].clone().requires_grad_()
    tape = Tape(17)
    residuals.region_values(residuals.regions["interior"], points["interior"], parameters, tape)
    assert [capture.weight is parameters["core.last.weight"] for capture in tape.linears] == [True]


def test_a_network_may_not_know_its_last_layer():
    residuals, points = setup(Burgers(), NETWORKS["twice"])
    assert bind(residuals, points).last_layer(residuals.theta()) is None


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_reference_by_reverse_mode_agrees_too(problem):
    residuals, points = setup(PROBLEMS[problem](), NETWORKS["mlp"], n=5)
    theta = residuals.theta()
    expected = bind(residuals, points).jacobian(theta)[1]
    residuals.trial.derivatives = "reverse"
    assert_agree(bind(residuals, points).jacobian(theta)[1], expected)


@pytest.mark.parametrize("network", NETWORKS)
def test_products_without_j_equal_products_with_it(network):
    residuals, points = setup(Stokes(), NETWORKS[network])
    bound, theta = bind(residuals, points), residuals.theta()
    r, j = bound.jacobian(theta)
    v, w = torch.randn_like(theta), torch.randn_like(r)
    assert_agree(bound.jvp(theta, v), j @ v, "J v")
    assert_agree(bound.vjp(theta, w), j.mT @ w, "J^T w")
    product, right, loss = bound.normal_equations(theta)
    assert_agree(product, j.mT @ j, "J^T J")
    assert_agree(right, j.mT @ r, "J^T r")
    assert float(loss) == pytest.approx(float(r @ r), rel=1e-13)
    value, gradient = bound.loss_and_gradient(theta)
    assert float(value) == pytest.approx(float(loss), rel=1e-13)
    assert_agree(gradient, 2 * j.mT @ r, "gradient")


def test_chunks_change_nothing():
    residuals, points = setup(Stokes(), NETWORKS["mlp"])
    chunked, whole, theta = bind(residuals, points, Assembly(chunk=4)), bind(residuals, points), residuals.theta()
    for a, b in zip(chunked.jacobian(theta), whole.jacobian(theta), strict=True):
        assert_agree(a, b)
    for a, b in zip(chunked.normal_equations(theta), whole.normal_equations(theta), strict=True):
        assert_agree(a, b)


def test_the_loss_is_the_weighted_sum_of_mean_squares():
    weights = {"momentum": 0.25, "walls": 4.0}
    residuals, points = setup(Burgers(), NETWORKS["mlp"], weights=weights)
    theta, bound = residuals.theta(), bind(residuals, points)
    means = bound.mean_squares(theta)
    expected = float(sum(residuals.weights[block] * mean for block, mean in means.items()))
    assert residuals.weights == {"momentum": 0.25, "walls": 4.0, "start": 1.0}
    assert float(bound.loss(theta)) == pytest.approx(expected, rel=1e-13)
    assert float(bound.residual(theta).square().sum()) == pytest.approx(expected, rel=1e-13)


def test_terms_on_one_region_share_their_points():
    residuals, _ = setup(Stokes(), NETWORKS["mlp"])
    assert list(residuals.regions) == ["interior", "x.min+y.max", "x.max"]
    assert residuals.blocks == ("momentum_x", "momentum_y", "mass", "walls.u", "walls.v", "outlet")


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (lambda u, u_x: torch.stack([u, u_x]), r"shape \(2, 17\)"),
        (lambda u: u.sum(), r"shape \(\)"),
        (lambda u: 0.0, "float"),
    ],
)
def test_wrong_shapes_are_explained(residual, message):
    class Wrong(Burgers):
        def terms(self):
            return {"momentum": Interior(residual)}

    residuals, points = setup(Wrong(), NETWORKS["mlp"])
    with pytest.raises(UserError, match=message):
        bind(residuals, points).loss(residuals.theta())


def test_periodicity_compares_opposite_points():
    residuals, points = setup(Advection(), NETWORKS["mlp"])
    seam = points["x.min+x.max"]
    assert len(seam) == 5
    assert seam.x.shape == (10, 2)
    trial = residuals.trial
    u = trial.evaluate(["u"], torch.tensor([[0.0, 0.3], [2.0, 0.3]], dtype=torch.float64))["u"]
    rows = bind(residuals, points).residual(residuals.theta())[17:22] * 5**0.5
    again = trial.evaluate(["u"], seam.x)["u"]
    assert_agree(rows, again[:5] - again[5:])
    assert abs(float(u[0] - u[1])) > 1e-3


def test_a_hard_period_needs_no_residual():
    trial = make_trial(Advection(), NETWORKS["mlp"], constraints="hard")
    assert make_residuals(trial).blocks == ("equation", "start")


def test_weights_for_no_term_are_refused():
    with pytest.raises(UserError, match=r"weights name no term.*momentun.*momentum, walls, start"):
        setup(Burgers(), NETWORKS["mlp"], weights={"momentun": 2.0})
    with pytest.raises(UserError, match="must be positive"):
        setup(Burgers(), NETWORKS["mlp"], weights={"momentum": -2.0})


def test_scales_multiply_the_network_and_leave_the_equations_in_their_units():
    class Scaled(Burgers):
        scales: ClassVar = {"u": 1e5}

    plain, scaled = (make_trial(problem, NETWORKS["mlp"], constraints="soft") for problem in (Burgers(), Scaled()))
    scaled.load_parameters(plain.parameters())
    x = torch.rand(4, 2, dtype=torch.float64)
    assert_agree(scaled.evaluate(["u_x"], x)["u_x"], 1e5 * plain.evaluate(["u_x"], x)["u_x"])
    with pytest.raises(UserError, match="scale"):
        make_trial(type("Negative", (Burgers,), {"scales": {"u": -1.0}})(), NETWORKS["mlp"])


@pytest.mark.parametrize("compile", [False, True])
def test_loss_and_gradient_are_summed_over_chunks(monkeypatch, compile):
    trial = make_trial(Burgers(), partial(MLP, width=8, depth=2), constraints="soft")
    residuals = Residuals(trial)
    points = residuals.draw(SobolSampler(interior=300, boundary=20), torch.Generator().manual_seed(0))
    bound, theta = bind(residuals, points, Assembly(compile=compile)), residuals.theta()
    monkeypatch.setattr("pinn.residuals.least_squares.CACHE_BYTES", 0)  # chunks of 256 points
    leaf = theta.clone().requires_grad_()
    squares = bound.residual(leaf).square().sum()
    (expected,) = torch.autograd.grad(squares, leaf)
    whole = float(squares.detach())
    loss, gradient = bound.loss_and_gradient(theta)
    assert float(loss) == pytest.approx(whole, rel=1e-13)  # rounding of sums in another order
    assert float(bound.loss(theta)) == pytest.approx(whole, rel=1e-13)
    torch.testing.assert_close(gradient, expected, rtol=1e-11, atol=1e-12 * float(expected.abs().max()))


class Balanced(Problem):
    """u_t + u u_x - nu u_xx = x and lap v = 0, with an unknown nu."""

    def __init__(self):
        self.domain = Box(x=(0, 1), y=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u", "v")
        self.unknowns = {"nu": 0.5}

    def terms(self):
        return {"momentum": Interior(self.momentum), "laplace": Interior(self.laplace)}

    def momentum(self, u, u_t, u_x, u_xx, nu, x):
        return u_t + u * u_x - nu * u_xx - x

    def laplace(self, laplacian_v):
        return laplacian_v


def test_the_largest_term_of_an_equation():
    """By hand from the derivatives; coordinates and unknowns are no terms, a Laplacian is its second derivatives."""
    problem = Balanced()
    residuals = Residuals(make_trial(problem, partial(MLP, width=6, depth=2)))
    points = {"interior": SobolSampler(interior=50).draw(problem.domain, Region(), torch.Generator().manual_seed(0))}
    names = ["u", "u_t", "u_x", "u_xx", "v_xx", "v_yy"]
    q = residuals.trial.evaluate(names, points["interior"].x)
    momentum = torch.stack([q["u_t"], q["u"] * q["u_x"], 0.5 * q["u_xx"]]).abs().amax(0)
    laplace = torch.stack([q["v_xx"], q["v_yy"]]).abs().amax(0)
    _, found = bind(residuals, points).balances(residuals.theta())
    assert float(found["momentum"]) == pytest.approx(float(momentum.square().mean()), rel=1e-12)
    assert float(found["laplace"]) == pytest.approx(float(laplace.square().mean()), rel=1e-12)


def test_many_rows_are_measured_in_parts(monkeypatch):
    """A layer's values at ten million observations would be gigabytes."""
    residuals = Residuals(make_trial(Burgers(), partial(MLP, width=4)))
    points = residuals.draw(SobolSampler(interior=1000), torch.Generator().manual_seed(0))
    theta, sizes = residuals.theta(), []
    whole, largest = bind(residuals, points).balances(theta)
    monkeypatch.setattr("pinn.residuals.least_squares.MANY", 64)
    at_once = Residuals.rows_and_terms

    def counted(self, group, own, parameters):
        sizes.append(len(own))
        return at_once(self, group, own, parameters)

    monkeypatch.setattr(Residuals, "rows_and_terms", counted)
    parts, terms = bind(residuals, points).balances(theta)
    assert max(sizes) == 64
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-12, atol=0.0)  # sums in another order
    for name, value in largest.items():
        torch.testing.assert_close(terms[name], value, rtol=1e-12, atol=0.0)


def test_points_are_thinned_evenly():
    points = Points(torch.arange(40.0).unsqueeze(1), per_row=2, columns={"a": torch.arange(40.0)})  # rows i, i + 20
    thinned = points.thinned(7)
    assert thinned.x.flatten().tolist() == [*range(0, 20, 3), *range(20, 40, 3)]
    assert thinned.columns["a"].tolist() == thinned.x.flatten().tolist()
    assert points.thinned(20) is points
