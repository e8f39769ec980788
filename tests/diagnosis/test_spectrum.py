"""The Jacobian's singular values where a run ends: computed, stored, drawn."""

import functools

import h5py
import numpy as np
import pytest
import torch
from drawn import make_bound

import pinn
from pinn.diagnosis import spectrum
from pinn.diagnosis.spectrum import jacobian_spectrum
from pinn.networks import MLP
from pinn.optimizers import LinearLeastSquares
from pinn.problems import Heat, Wave
from pinn.report.spectrum import spectrum_figure
from pinn.solution_file.contents import Contents
from pinn.solution_file.nodes import Nodes
from pinn.solution_file.reading import read
from pinn.training import Training

SMALL = functools.partial(MLP, width=5, depth=2)
PLAIN = pinn.Output(figures=False, resolution=9)


@pytest.mark.parametrize("interior", [200, 10], ids=["more rows", "more parameters"])
def test_they_are_those_of_j(interior):
    problem = make_bound(Heat(), SMALL, interior, constraints="soft")
    theta = problem.residuals.theta()
    found = jacobian_spectrum(problem, theta)
    _, j = problem.jacobian(theta)
    expected = torch.linalg.svdvals(j).numpy()
    assert (found.rows, found.columns) == tuple(j.shape)
    # a QR and an SVD are backward stable: errors are a small multiple of eps times the largest
    assert np.abs(found.values - expected).max() <= 1e-13 * expected[0]


def test_too_large_a_one_is_left_out_with_a_line(monkeypatch, caplog):
    problem = make_bound(Heat(), SMALL, 50)
    monkeypatch.setattr(spectrum, "FLOPS", 1e3)
    with caplog.at_level("INFO", "pinn"):
        assert jacobian_spectrum(problem, problem.residuals.theta()) is None
    (line,) = caplog.messages
    assert line.startswith("the spectrum of J (50 x 51) is not computed")


def test_a_jacobian_that_is_not_finite_is_left_out():
    problem = make_bound(Heat(), SMALL, 50)
    assert jacobian_spectrum(problem, torch.full_like(problem.residuals.theta(), torch.nan)) is None


def test_a_run_keeps_them(tmp_path):
    output = pinn.Output(resolution=9)
    solution = pinn.solve(Heat(), SMALL, training=Training(steps=3), output=output, folder=tmp_path)
    values = solution.diagnosis["singular_values"]
    assert len(values) == sum(v.numel() for v in solution.trial.parameters().values())
    assert np.all(np.diff(values) <= 0)
    contents = read(tmp_path / "solution.h5")
    assert np.array_equal(contents.diagnosis["singular_values"], values)
    assert (tmp_path / "figures" / "spectrum.png").exists()
    again = pinn.load(tmp_path)
    again.save(tmp_path / "again.h5")
    with h5py.File(tmp_path / "again.h5") as file:
        assert np.array_equal(file["diagnosis/singular_values"], values)
        assert file.attrs["jacobian_columns"] == len(values)


def test_of_a_linear_fit_they_are_the_last_layers():
    solution = pinn.solve(Heat(), SMALL, LinearLeastSquares(), training=Training(steps=1), output=PLAIN)
    assert len(solution.diagnosis["singular_values"]) == 6  # five weights and a bias


def test_of_windows_they_are_the_last_ones():
    solution = pinn.solve(Wave(), SMALL, training=Training(steps=2, windows=2), output=PLAIN)
    assert len(solution.diagnosis["singular_values"]) == sum(
        v.numel() for v in solution.trial.windows[1].parameters().values()
    )


def contents(values, **attributes):
    return Contents(Nodes({}), ("x",), diagnosis={"singular_values": np.array(values)}, attributes=attributes)


def test_the_figure_tells_rank_and_condition():
    figure = spectrum_figure(contents([2.0, 0.5, 1e-16, 0.0], jacobian_rows=10, jacobian_columns=4))
    assert figure.axes[0].get_xlabel() == "number\nJ: 10 rows, 4 parameters; rank 2, condition 4.0e+00"
    single = spectrum_figure(contents([2.0, 0.5, 1e-7], dtype="float32", jacobian_rows=3, jacobian_columns=3))
    assert "rank 2" in single.axes[0].get_xlabel()
    assert spectrum_figure(Contents(Nodes({}), ("x",))) is None


def test_of_several_processes_they_are_those_of_all_rows(tmp_path):
    settings = {"training": Training(steps=2), "device": "cpu", "output": PLAIN}
    one, two = (pinn.solve(Heat(), SMALL, devices=n, folder=tmp_path / str(n), **settings) for n in (1, 2))
    assert one.attributes["jacobian_rows"] == two.attributes["jacobian_rows"]
    # two steps of both differ by rounding, 1e-10 and less
    first, second = (solution.diagnosis["singular_values"] for solution in (one, two))
    assert np.abs(first - second).max() <= 1e-8 * first[0]
