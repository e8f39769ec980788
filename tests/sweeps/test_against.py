"""A solution against the values of a file."""

import functools

import numpy as np
import pytest
import torch
import xarray

from pinn.basis.errors import UserError
from pinn.basis.scattered import read_scattered
from pinn.cli import main
from pinn.diagnosis.exact import exact_trial
from pinn.networks.mlp import MLP
from pinn.problems import Heat, Kovasznay
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.sweeps.against import deviations, draw_deviations
from pinn.trial.making import make_trial


def exact(problem):
    return Solution(exact_trial(problem), output=Output(resolution=9), attributes={"wall_seconds": 1.0})


def write(path, header, *columns):
    np.savetxt(path, np.column_stack(columns), delimiter=",", header=header, comments="")
    return path


def test_an_offset_is_found_at_the_places_in_the_domain(tmp_path, caplog):
    x, t = np.linspace(-0.5, 1.0, 31), np.linspace(0.0, 1.0, 31)
    problem = Heat()
    truth = problem.truth(np.stack([x, t], 1))["u"]
    path = write(tmp_path / "probe.csv", "t [s],u,pressure,x", t, truth + 0.1, t, x)
    (found,) = deviations(exact(problem), path)
    inside = x >= 0
    assert len(found.found) == inside.sum()
    np.testing.assert_allclose(found.difference, -0.1, rtol=1e-12)
    row = found.row("run")
    assert row["root_mean_square"] == pytest.approx(0.1)
    assert row["relative_l2"] == pytest.approx(0.1 * inside.sum() ** 0.5 / np.linalg.norm(truth[inside] + 0.1))
    assert f"{(~inside).sum()} of 31 places lie outside the domain" in caplog.text
    assert "pressure: no quantity of this problem" in caplog.text


def test_a_grid_is_read_and_what_is_free_up_to_a_constant_compared_so(tmp_path):
    problem = Kovasznay()
    x, y = np.linspace(-0.5, 1.0, 5), np.linspace(-0.5, 1.5, 4)
    truth = problem.truth(np.stack(np.meshgrid(x, y), 2).reshape(-1, 2))
    axes = ("y", "x")
    grid = {name: (axes, values.reshape(4, 5) + 3.0) for name, values in truth.items()}
    xarray.Dataset(grid, {"x": x, "y": y}).to_netcdf(tmp_path / "grid.nc")
    found = {one.name: one for one in deviations(exact(problem), tmp_path / "grid.nc")}
    np.testing.assert_allclose(found["u"].difference, -3.0, rtol=1e-12)
    np.testing.assert_allclose(found["p"].difference, 0.0, atol=1e-12)
    solution = exact(problem)
    figure = draw_deviations(list(found.values()), solution.contents(), tmp_path / "figure.png")
    assert figure.stat().st_size > 10_000


def test_a_mesh_is_read(tmp_path):
    pyvista = pytest.importorskip("pyvista")
    mesh = pyvista.PolyData(np.array([[0.1, 0.2, 0.0], [0.3, 0.4, 0.0]]))
    mesh.point_data["u"] = np.array([1.0, 2.0])
    mesh.cast_to_unstructured_grid().save(tmp_path / "mesh.vtu")
    found = read_scattered(tmp_path / "mesh.vtu")
    np.testing.assert_allclose(found["y"], [0.2, 0.4], rtol=1e-6)  # VTK keeps single precision
    np.testing.assert_allclose(found["u"], [1.0, 2.0])


def test_mistakes(tmp_path):
    solution = exact(Heat())
    with pytest.raises(UserError, match=r"no column x .it has t, u.; or give --at x="):
        deviations(solution, write(tmp_path / "a.csv", "t,u", [0.1], [0.2]))
    (found,) = deviations(solution, tmp_path / "a.csv", {"x": 0.5})
    assert found.places.tolist() == [[0.5, 0.1]]
    with pytest.raises(UserError, match="no column of u or another quantity; it has x, t, v"):
        deviations(solution, write(tmp_path / "b.csv", "x,t,v", [0.1], [0.2], [0.3]))
    with pytest.raises(UserError, match=r"no place in .* lies in the domain"):
        deviations(solution, write(tmp_path / "c.csv", "x,t,u", [100.0], [0.2], [0.3]))


def test_the_command(tmp_path, capsys):
    trial = make_trial(Heat(), functools.partial(MLP, width=4, depth=1))
    history = {"step": np.array([1]), "loss": np.array([1.0])}
    run = Solution(trial, history=history, output=Output(resolution=9), attributes={"wall_seconds": 1.0}).save(tmp_path)
    probe = write(tmp_path / "probe.csv", "t,u", [0.1, 0.2], [0.2, 0.3])
    assert main(["compare", str(run), "--with", str(probe), "--at", "x=0.5"]) == 0
    told = capsys.readouterr().out
    assert told.endswith(f"{tmp_path / 'figures' / 'against_probe.png'}\n")
    off = trial.evaluate(["u"], torch.tensor([[0.5, 0.1], [0.5, 0.2]], dtype=torch.float64))["u"].numpy() - [0.2, 0.3]
    assert f"{np.abs(off).max():.2e}" in told
    assert main(["compare", str(run), "--with", str(probe), "--at", "x=y"]) == 2
    assert "--at takes coordinate=number" in capsys.readouterr().err
