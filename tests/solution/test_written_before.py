"""Files of older versions: written by pinn 0.1.0 when classes had other homes and several networks trained at once."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from pinn.basis.errors import UserError
from pinn.basis.rebuilding import rebuild, renewed
from pinn.report.show import describe
from pinn.solution import load
from pinn.training import BalancedWeights, Training

FOLDER = Path(__file__).parent / "written_before"
POINTS = {"x": [0.25, 0.5, 1.0], "y": [0.5, 0.75, 0.125]}


@pytest.mark.parametrize(
    ("name", "values", "error", "held_out"),  # what the version that wrote them said of its own files
    [
        ("solution.h5", (-0.6072694878928, -0.5946776625502754, -2.399666520552695), 3.59542732553333, 41.23544700778),
        ("replicas.h5", (0.7233786836319338, 0.48027758906636, -0.38533428067838), 0.78670234478267, 8.50352784268),
    ],
)
def test_an_older_file_gives_the_same_numbers(name, values, error, held_out):
    solution = load(FOLDER / name)
    assert solution(**POINTS) == pytest.approx(values, rel=1e-12)  # the same operations in the same order, but for BLAS
    assert solution.errors()["u"]["relative_l2"] == pytest.approx(error, rel=1e-12)
    assert solution.history["held_out"][-1] == pytest.approx(held_out, rel=1e-12)
    assert f"{error:.2e}  relative L2 to the exact solution" in describe(FOLDER / name)


def test_windows_of_an_older_file_give_the_same_errors(tmp_path):
    """Of format 1: what later windows of time add was multiplied by the ansatz's factor of time."""
    with h5py.File(FOLDER / "windows.h5") as file:
        assert (file.attrs["format_version"], file.attrs["windows"]) == (1, 3)
        written = float(file.attrs["relative_l2_u"])
    assert load(FOLDER / "windows.h5").errors()["u"]["relative_l2"] == pytest.approx(written, rel=1e-9)
    saved = load(FOLDER / "windows.h5").save(tmp_path)  # still as it was written
    assert load(saved).errors()["u"]["relative_l2"] == pytest.approx(written, rel=1e-9)


def test_an_older_file_is_saved_without_its_replicas(tmp_path):
    path = load(FOLDER / "replicas.h5").save(tmp_path)
    with h5py.File(FOLDER / "replicas.h5") as before, h5py.File(path) as file:
        assert before["replicas/held_out"].shape == (2,)
        assert "replicas" not in file
        assert np.array_equal(before["training/held_out"], file["training/held_out"])


def test_an_older_configuration_is_rebuilt():
    saved = yaml.safe_load((FOLDER / "config.yaml").read_text(encoding="utf-8"))
    assert saved["training"]["replicas"] == 1
    assert saved["weighting"]["_target_"] == "pinn.weighting.BalancedWeights"
    training, weighting = rebuild(saved["training"]), rebuild(saved["weighting"])
    assert isinstance(training, Training)
    assert (training.steps, training.held_out) == (3, 50)
    assert isinstance(weighting, BalancedWeights)
    today = renewed(saved)
    assert "replicas" not in today["training"]
    assert {name: today[name] for name in ("problem", "network", "sampler", "optimizer", "output")} == {
        name: saved[name] for name in ("problem", "network", "sampler", "optimizer", "output")
    }
    assert renewed(today) == today


def test_replicas_are_no_longer_trained():
    with pytest.raises(UserError, match=r"Training has no replicas any more, got replicas=4; set it to 1"):
        rebuild({"_target_": "pinn.training.Training", "replicas": 4})
