"""Many seeds in one training: each replica takes the steps that it would take alone."""

from functools import partial

import h5py
import numpy as np
import pytest
import torch
import xarray

import pinn
from pinn.basis.errors import UserError
from pinn.domains import Box
from pinn.networks import MLP, ModifiedMLP, RandomWeightFactorization
from pinn.optimizers import SPRING, Adam, LevenbergMarquardt, TrustRegion
from pinn.problem import Problem
from pinn.problems import Burgers, Heat
from pinn.replicas import Replicas
from pinn.residuals.exact_terms import make_residuals
from pinn.sampling import SobolSampler
from pinn.terms import Dirichlet, Interior, Periodic
from pinn.trial.making import make_trial

NETWORK = partial(MLP, width=6, depth=2)
COUNT = 3


class Pair(Problem):
    """Two fields, a periodic side, a system of two equations: several blocks, several points a row."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u", "v")

    def terms(self):
        return {
            "first": Interior(self.first),
            "second": Interior(self.second),
            "seam": Periodic("x", ("u", "v")),
            "bottom": Dirichlet(u=lambda x: torch.sin(6.283 * x), v=0.0, on="y.min"),
        }

    def first(self, u_xx, u_yy, v):
        return u_xx + u_yy + v**2

    def second(self, v_x, u, y):
        return v_x - y * u


def made(problem: Problem, constraints: str = "soft", network=NETWORK):
    """Residuals, replicas of them, and points."""
    thetas = []
    for seed in range(COUNT):
        torch.manual_seed(seed)
        residuals = make_residuals(make_trial(problem, network, constraints=constraints))
        thetas.append(residuals.theta())
    sampler, generator = SobolSampler(interior=60, boundary=12), torch.Generator().manual_seed(0)
    domain = residuals.trial.domain
    points = {label: sampler.draw(domain, group.region, generator) for label, group in residuals.regions.items()}
    return residuals, Replicas(residuals, torch.stack(thetas)), points


@pytest.mark.parametrize("problem", [Burgers(nu=0.1), Pair()])
@pytest.mark.parametrize("constraints", ["soft", "hard"])
def test_sums_are_those_of_each_alone(problem, constraints):
    """Order of summation aside."""
    residuals, replicas, points = made(problem, constraints)
    bound, batch, thetas = residuals.at(points), replicas.at(points), replicas.starts
    product, right, loss = batch.normal_equations(thetas)
    gradient = batch.loss_and_gradient(replicas.theta())[1].view(COUNT, -1)
    v = torch.ones_like(thetas)
    for k, theta in enumerate(thetas):
        expected, expected_right, expected_loss = bound.normal_equations(theta)
        torch.testing.assert_close(product[k], expected, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(right[k], expected_right, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(gradient[k], 2 * expected_right, rtol=1e-12, atol=1e-13)
        assert float(loss[k]) == pytest.approx(expected_loss, rel=1e-12)
        torch.testing.assert_close(batch.residuals(thetas)[k], bound.residual(theta), rtol=1e-12, atol=1e-13)
        forward = batch.forward(thetas, v)
        torch.testing.assert_close(forward[k], bound.jvp(theta, v[k]), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            batch.adjoint(thetas, forward)[k], bound.vjp(theta, forward[k]), rtol=1e-11, atol=1e-12
        )


def test_rows_of_j_come_in_chunks(monkeypatch):
    _, replicas, points = made(Pair())
    expected = replicas.at(points).normal_equations(replicas.starts)
    monkeypatch.setattr("pinn.replicas.JACOBIAN_BYTES", 1)
    for found, whole in zip(replicas.at(points).normal_equations(replicas.starts), expected, strict=True):
        torch.testing.assert_close(found, whole, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "optimizer",
    [
        LevenbergMarquardt(solver="cholesky", damping=1e-6),
        LevenbergMarquardt(solver="cholesky", damping=1e-9, acceleration=True),
        TrustRegion(solver="cholesky", damping=1e-7),
        TrustRegion(solver="cholesky", damping=1.0, acceleration=False),
        Adam(learning_rate=0.01),
    ],
)
def test_each_replica_takes_the_steps_that_it_would_take_alone(optimizer):
    """Dampings are small at first or large, so that some steps are refused and others lengthened; twelve steps magnify
    rounding to far less than the tolerance, and a different decision would show."""
    residuals, replicas, points = made(Burgers(nu=0.05))
    method, theta = optimizer.replicated(), replicas.theta()
    state, batch = method.init(theta), replicas.at(points)
    for _ in range(12):
        theta, state, _ = method.step(theta, state, batch)
    bound = residuals.at(points)
    for k, alone in enumerate(replicas.starts):
        state = optimizer.init(alone)
        for _ in range(12):
            alone, state, _ = optimizer.step(alone, state, bound)
        assert bound.loss(alone) < 0.9 * bound.loss(replicas.starts[k])
        torch.testing.assert_close(replicas.each(theta)[k], alone, rtol=1e-6, atol=1e-8)


def solved(folder=None, **settings):
    training = pinn.Training(steps=12, time_limit=None, replicas=COUNT, check_every=4, held_out=100)
    options = {
        "training": training,
        "sampler": SobolSampler(interior=80, boundary=10),
        "seed": 5,
        "compile": "never",
    } | settings
    return pinn.solve(Heat(), NETWORK, folder=folder, output=pinn.Output(resolution=9, figures=False), **options)


def test_the_best_replica_is_the_solution_and_all_are_in_the_file(tmp_path):
    solution = solved(tmp_path)
    found = pinn.load(tmp_path / "solution.h5").replicas
    assert found["seed"].tolist() == [5, 6, 7]
    best = int(np.argmin(found["held_out"]))
    assert solution.history["held_out"][-1] == pytest.approx(found["held_out"][best], rel=1e-12)
    assert solution.history["replica"][-1] == best
    assert solution.history["error/u"][-1] == pytest.approx(found["error_u"][best], rel=1e-12)
    assert len({*found["error_u"]}) == COUNT
    with h5py.File(tmp_path / "solution.h5") as file:
        u, mean, spread = file["u"][()], file["replicas/u_mean"][()], file["replicas/u_spread"][()]
    assert mean.shape == spread.shape == u.shape
    assert (np.abs(u - mean) <= np.sqrt(COUNT) * spread + 1e-14).all()  # of any number among COUNT
    assert spread.max() > 1e-8
    with xarray.open_dataset(tmp_path / "solution.h5", group="replicas", engine="h5netcdf") as dataset:
        assert dataset["held_out"].dims == ("replica",)
        assert dataset["u_mean"].dims == ("t", "x")


def test_a_replica_starts_where_the_run_of_its_seed_starts(tmp_path):
    adam = Adam(learning_rate=1e-12)  # does not move
    replicas = solved(optimizer=adam).replicas["error_u"]
    training = pinn.Training(steps=1, time_limit=None, held_out=100)
    for k in range(COUNT):
        alone = solved(optimizer=adam, training=training, seed=5 + k)
        x, t = np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9))
        truth = Heat().truth(np.stack([x.ravel(), t.ravel()], 1))["u"]
        error = np.linalg.norm(alone(x=x.ravel(), t=t.ravel()) - truth) / np.linalg.norm(truth)
        assert replicas[k] == pytest.approx(error, rel=0.3)  # measured at other points


def test_replicas_are_resumed_to_the_bit(tmp_path):
    straight = solved(tmp_path / "straight")
    short = pinn.Training(steps=6, time_limit=None, replicas=COUNT, check_every=4, held_out=100)
    solved(tmp_path / "parts", training=short)
    training = pinn.Training(steps=12, time_limit=None, replicas=COUNT, check_every=4, held_out=100)
    resumed = solved(tmp_path / "parts", training=training, resume=True)
    assert resumed.history["loss"].tolist() == straight.history["loss"].tolist()
    assert resumed.replicas["error_u"].tolist() == straight.replicas["error_u"].tolist()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"optimizer": SPRING()}, "SPRING cannot train replicas; choose optimizer=trust_region"),
        ({"optimizer": TrustRegion(solver="orthogonal")}, "replicas are solved by Cholesky, got solver=orthogonal"),
        ({"initial_guess": "linear"}, "replicas start from random parameters; set initial_guess=null"),
        ({"derivatives": "reverse"}, "training.replicas needs derivatives=taylor"),
    ],
)
def test_what_replicas_cannot_do_is_said(settings, told):
    with pytest.raises(UserError, match=told):
        solved(**settings)


def test_parameters_that_are_in_no_linear_layer_are_named():
    network = partial(ModifiedMLP, width=6, depth=2, factorization=RandomWeightFactorization())
    _, replicas, points = made(Burgers(), network=network)
    with pytest.raises(UserError, match="needs a network whose parameters are all in linear layers"):
        replicas.at(points).normal_equations(replicas.starts)


def test_windows_of_replicas_are_an_error():
    with pytest.raises(UserError, match=r"training\.replicas are not made in windows"):
        pinn.Training(windows=2, replicas=2)
