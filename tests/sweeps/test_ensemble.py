"""Mean and spread of the fields over seeds, in a solution file."""

import functools

import numpy as np
import pytest
import torch
import xarray

from pinn.basis.errors import UserError
from pinn.cli import main
from pinn.diagnosis.verdict import Verdict, Word
from pinn.networks import MLP
from pinn.problems import Heat, Kovasznay
from pinn.report.show import describe
from pinn.solution import Output, Solution, load
from pinn.sweeps.ensemble import write_ensemble, write_ensembles
from pinn.sweeps.records import JobRecord, Status
from pinn.trial.making import make_trial

QUICK = (
    *("training.steps=2", "training.held_out=20", "sampler.interior=40", "sampler.boundary=10"),
    *("network.width=4", "network.depth=1", "output.resolution=9", "output.figures=false", "output.estimate=false"),
)


def save(problem, folder, seed, resolution=7):
    torch.manual_seed(seed)
    trial = make_trial(problem, functools.partial(MLP, width=4, depth=1))
    folder.mkdir(parents=True)
    history = {"step": np.arange(1, 3), "held_out": np.array([1.0, 0.5])}
    attributes = {"seed": seed, "wall_seconds": 1.0, "status": "steps", "estimate_left": 0.1, "error_bound_u": 0.1}
    attributes |= Verdict(Word.TRUSTED, ("it is",)).attributes | {"estimated_relative_l2_u": 0.01}
    Solution(trial, history=history, attributes=attributes, output=Output(resolution=resolution)).save(folder)
    return folder


def test_mean_and_spread_are_numpys(tmp_path):
    runs = [save(Kovasznay(), tmp_path / str(seed), seed) for seed in range(4)]
    path = write_ensemble(runs, tmp_path / "ensemble.h5")
    members = [xarray.open_dataset(run / "solution.h5") for run in runs]
    with xarray.open_dataset(path) as found:
        for name in ("u", "v", "p"):
            values = np.stack([member[name] for member in members])
            # two passes against one: rounding of the order of the values' own, some ulp of one
            np.testing.assert_allclose(found[name], values.mean(0), rtol=0, atol=1e-14)
            np.testing.assert_allclose(found[f"{name}_spread"], values.std(0, ddof=1), rtol=0, atol=1e-14)
        assert found.attrs["members"] == 4
        assert "seed" not in found.attrs
        assert not [name for name in found.attrs if name.startswith(("verdict", "estimate", "error_bound"))]
        reference = xarray.open_dataset(path, group="reference").u.values
        relative = np.linalg.norm(found.u - reference) / np.linalg.norm(reference)
        assert found.attrs["relative_l2_u"] == pytest.approx(relative, rel=1e-12)
    assert "spread over seeds of u" in describe(path)


def test_others_than_seeds_are_no_ensemble(tmp_path):
    runs = [save(Heat(), tmp_path / "a", 0), save(Heat(), tmp_path / "b", 1, resolution=9)]
    with pytest.raises(UserError, match="different problems or nodes"):
        write_ensemble(runs, tmp_path / "ensemble.h5")


def test_a_file_for_each_combination_of_the_other_keys(tmp_path):
    for job, (width, seed, status) in enumerate(
        [(4, 0, Status.DONE), (4, 1, Status.DONE), (8, 0, Status.DONE), (8, 1, Status.FAILED)]
    ):
        folder = save(Heat(), tmp_path / str(job), seed)
        JobRecord("", {"network.width": str(width), "seed": str(seed)}, status).save(folder)
    files = write_ensembles(tmp_path)
    assert [path.name for path in files] == ["ensemble_width=4.h5", "ensemble_width=4.png"]  # of 8 there is one run


@pytest.mark.slow
def test_the_experiment_makes_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["-m", "experiment=ensemble", *QUICK, "seed=0,1", "hydra.sweep.dir=sweep"]) == 0
    fields = [load(tmp_path / "sweep" / job).contents().fields["u"] for job in "01"]
    with xarray.open_dataset("sweep/ensemble.h5") as found:
        np.testing.assert_allclose(found.u, np.mean(fields, axis=0), rtol=0, atol=1e-12)
        assert float(abs(found.u_spread).max()) > 0
    assert "sweep/ensemble.png" in capsys.readouterr().out
