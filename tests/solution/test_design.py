"""Where to measure next: against the covariance with one more row, and by the command."""

import numpy as np
import pytest
import torch
from identified import identified

import pinn
from pinn.basis.errors import UserError
from pinn.cli import main
from pinn.residuals.residuals import unflatten
from pinn.training.run import Callback

NOISE, RATE = 0.02, 1.3
TIMES = np.linspace(0.05, 1.0, 30)


class Decay(pinn.Problem):
    """u_t = -k u, u(0) unknown as well, u seen with noise early on."""

    def __init__(self):
        self.domain, self.fields, self.unknowns = pinn.Time(t=(0, 4)), ("u",), {"k": 1.0}
        self.values = np.exp(-RATE * TIMES) + np.random.default_rng(0).normal(scale=NOISE, size=len(TIMES))

    def terms(self):
        return {
            "decay": pinn.Interior(lambda u, u_t, k: u_t + k * u),
            "seen": pinn.Data(at={"t": TIMES}, u=self.values, noise=NOISE),
        }


class Kept(Callback):
    def on_start(self, run):
        self.run = run


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    folder, kept = tmp_path_factory.mktemp("decay"), Kept()
    solution = identified(Decay(), folder=folder, callbacks=[kept])
    return solution, kept.run, folder


def covariance(run, extra):
    """Of all parameters, from J with one more row; as the deviations, of what the steps have fitted."""
    least_squares, theta = run.minimized()
    j = least_squares.jacobian(theta)[1].clone() * len(TIMES) ** 0.5  # of noise one
    rows = torch.cat([j, extra / NOISE]) if extra is not None else j
    return torch.linalg.inv(rows.mT @ rows + len(TIMES) * run.damping * torch.eye(len(theta)))


@pytest.mark.estimates
def test_it_is_as_with_that_datum(solved):
    solution, run, _ = solved
    trial, theta = solution.trial, run.minimized()[1]
    places = np.linspace(0, 4, 9)
    found = solution.next_measurement("u", candidates={"t": places})
    assert found.of == ("k",) and found.noise == pytest.approx(NOISE)
    number = list(trial.parameters()).index("unknowns.k")
    at = sum(v.numel() for v in list(trial.parameters().values())[:number])

    def value(theta, t):
        shapes = {name: v.shape for name, v in trial.parameters().items()}
        return trial.evaluate(["u"], t.view(1, 1), unflatten(theta, shapes))["u"][0]

    brute = []
    for t in torch.as_tensor(places):
        row = torch.func.jacrev(value)(theta, t)[None]
        brute.append(float((covariance(run, row)[at, at] / covariance(run, None)[at, at]).sqrt()))
    # with a damping that holds parameters back the two differ by its share of the covariance: a few hundredths
    assert found.left == pytest.approx(brute, abs=0.03)
    assert found.left.min() < 0.95


def curves(t, k):
    """du/dA and du/dk of u = A exp(-k t), A = 1: (2, n)."""
    return np.stack([np.exp(-k * t), -t * np.exp(-k * t)])


@pytest.mark.estimates
@pytest.mark.parametrize("of", ["k", "u"])
def test_it_is_as_of_the_exact_curve(solved, of):
    solution, places = solved[0], np.linspace(0, 4, 41)
    found = solution.next_measurement("u", of, candidates={"t": places})
    k = solution.unknowns["k"]
    seen, at = curves(TIMES, k) / NOISE, curves(places, k)
    covariance = np.linalg.inv(seen @ seen.T)
    targets = np.array([[0.0], [1.0]]) if of == "k" else curves(np.linspace(0, 4, 400), k)
    gained = (targets.T @ covariance @ at) ** 2 / (NOISE**2 + np.einsum("in,ij,jn->n", at, covariance, at))
    left = np.sqrt(1 - gained.sum(0) / np.einsum("it,ij,jt->", targets, covariance, targets))
    assert found.left == pytest.approx(left, abs=0.06)  # 0.04 measured, at 0: the equation bends a little
    exact = solution.next_measurement("u", of, candidates={"t": places}, noise=1e-6)
    assert np.all(exact.left <= found.left + 1e-12)


@pytest.mark.estimates
def test_the_command_tells_the_place_and_draws_it(solved, tmp_path, capsys):
    figure = tmp_path / "design.png"
    main(["design", str(solved[2]), "u", "--trust", "--to", str(figure)])
    told = capsys.readouterr().out
    assert "measure u at t = " in told and "of the error bar of k is left" in told
    assert figure.stat().st_size > 5000


@pytest.mark.estimates
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"of": "m"}, "of must be an unknown or a field, k, u, got 'm'"),
        ({"noise": 0.0}, "noise of a measurement must be > 0"),
        ({"candidates": {"t": [7.0]}}, "no candidate lies in the domain"),
    ],
)
def test_bad_input_is_refused(solved, asked, message):
    with pytest.raises(UserError, match=message):
        solved[0].next_measurement("u", **asked)


@pytest.mark.estimates
def test_what_was_not_observed_needs_a_noise(solved):
    with pytest.raises(UserError, match="u_t has not been observed"):
        solved[0].next_measurement("u_t")
    assert solved[0].next_measurement("u_t", noise=0.1).left.min() < 1.0


def test_without_deviations_it_says_what_it_takes():
    plain = pinn.solve(Decay(), training=pinn.Training(steps=2), output=pinn.Output(figures=False), compile="never")
    with pytest.raises(UserError, match="what noise leaves open is not known"):
        plain.next_measurement("u")
