"""Solutions from their files, from damaged ones and from those that are none."""

import functools
import sys

import h5py
import numpy as np
import pytest
import torch
import yaml
from solution.made import HISTORY, make_solution

from pinn.basis.errors import UserError
from pinn.networks import MLP
from pinn.problems import Burgers
from pinn.solution import Output, Solution, load
from pinn.solution_file.contents import FORMAT_VERSION
from pinn.trial.making import make_trial


def test_a_loaded_solution_is_the_same(solution, path):
    again = load(path.parent)
    x, t = np.random.default_rng(0).random((2, 50))
    assert np.array_equal(again(x=x, t=t), solution(x=x, t=t))
    assert np.array_equal(again.derivative("u_xx", x=x, t=t), solution.derivative("u_xx", x=x, t=t))
    assert again.errors() == solution.errors()
    assert list(again.history) == list(HISTORY)
    for name, values in HISTORY.items():
        assert again.history[name].dtype.kind == values.dtype.kind
        assert np.array_equal(again.history[name], values, equal_nan=values.dtype.kind == "f")
    assert np.array_equal(again.points["interior"], solution.points["interior"])
    assert again.points["x.min"].shape == (0, 2)
    assert again.attributes["seed"] == 3
    assert again.grid().keys() == {"x", "t"}
    assert [len(axis) for axis in again.grid().values()] == [6, 17]


def test_saving_again_changes_nothing(path, tmp_path):
    first, second = path, load(path).save(tmp_path / "again.h5")
    with h5py.File(first) as a, h5py.File(second) as b:
        names: list[str] = []
        a.visit(names.append)
        for name in names:
            if isinstance(a[name], h5py.Dataset):
                assert np.array_equal(a[name][()], b[name][()], equal_nan=a[name].dtype.kind == "f"), name
        assert {k: v for k, v in a.attrs.items() if np.size(v) == 1} == {
            k: v for k, v in b.attrs.items() if np.size(v) == 1
        }


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("constraints", ["hard", "soft"])
def test_dtype_and_constraints_are_restored(dtype, constraints, tmp_path):
    trial = make_trial(Burgers(), functools.partial(MLP, width=4), constraints=constraints, dtype=dtype)
    again = load(Solution(trial, output=Output(resolution=5)).save(tmp_path))
    assert (again.trial.dtype, again.trial.constraints) == (dtype, constraints)
    assert again(x=0.3, t=0.6) == Solution(trial)(x=0.3, t=0.6)


def test_files_that_are_no_solutions(path, tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        load(tmp_path / "absent.h5")
    with pytest.raises(UserError, match=r"no solution.h5 in .*: is it a run's folder\?"):
        load(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("{}")
    with pytest.raises(UserError, match="did not get as far as saving"):
        load(tmp_path)
    text = tmp_path / "text.h5"
    text.write_text("x, t, u")
    with pytest.raises(UserError, match="is not an HDF5 file"):
        load(text)
    short = tmp_path / "short.h5"
    short.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(UserError, match="damaged"):
        load(short)
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["u"] = np.zeros(3)
    with pytest.raises(UserError, match="an HDF5 file but no solution of pinn"):
        load(other)


def changed(path, tmp_path, configuration=None, **attributes):
    """A copy of a solution file with another configuration or other root attributes."""
    copy = tmp_path / "changed.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        file.attrs.update(attributes)
        if configuration is not None:
            file["config"][()] = yaml.safe_dump(configuration)
    return copy


def test_files_that_cannot_be_rebuilt(path, tmp_path):
    newer = changed(path, tmp_path, format_version=FORMAT_VERSION + 1, pinn_version="9.9")
    with pytest.raises(UserError, match=f"format {FORMAT_VERSION + 1}, written by pinn 9.9.*upgrade"):
        load(newer)
    with pytest.raises(UserError, match="holds a solution of heat, not of burgers"):
        load(changed(path, tmp_path, problem="heat"))
    with pytest.raises(UserError, match="dtype must be"):
        load(changed(path, tmp_path, dtype="load"))
    with pytest.raises(UserError, match="pass problem="):
        load(changed(path, tmp_path, configuration={}))
    with pytest.raises(UserError, match="pass network="):
        load(changed(path, tmp_path, configuration={}), problem=Burgers())
    with pytest.raises(UserError, match="parameters do not fit this network"):
        load(path, network=functools.partial(MLP, width=7))
    removed = {"problem": {"_target_": "pinn.problems.Burgers", "viscosity": 1.0}}
    with pytest.raises(UserError, match=r"cannot rebuild pinn.problems.Burgers .*viscosity"):
        load(changed(path, tmp_path, configuration=removed))


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "pinn.basis.files.os.system",
        "pinn.solution.load",
        "pinn.solution.solution.yaml.YAMLObject",
    ],
)
def test_a_file_cannot_run_foreign_code(path, tmp_path, target):
    copy = changed(path, tmp_path, configuration={"problem": {"_target_": target, "_args_": ["exit 1"]}})
    with pytest.raises(UserError, match="not a class of pinn; with trust=True \\(--trust\\) it is imported and run"):
        load(copy)


def test_a_problem_of_ones_own_needs_trust(tmp_path, monkeypatch):
    (tmp_path / "decay_of_mine.py").write_text(
        "from pinn.domains import Time\nfrom pinn.problem import Problem\nfrom pinn.terms import Interior\n"
        "class Decay(Problem):\n"
        "    def __init__(self, rate=2.0):\n"
        "        self.rate, self.domain, self.fields = rate, Time(t=(0, 1)), ('u',)\n"
        "    def terms(self):\n        return {'decay': Interior(self.decay)}\n"
        "    def decay(self, u, u_t):\n        return u_t + self.rate * u\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    from decay_of_mine import Decay

    original = make_solution(Decay(rate=3.0))
    path = original.save(tmp_path / "solution.h5")
    monkeypatch.delitem(sys.modules, "decay_of_mine")
    with pytest.raises(UserError, match=r"decay_of_mine.Decay, which is not a class of pinn"):
        load(path)
    assert "decay_of_mine" not in sys.modules  # not even imported
    trusted = load(path, trust=True)
    assert trusted.problem.rate == 3.0
    assert trusted(t=0.5) == original(t=0.5) == load(path, problem=Decay(rate=3.0))(t=0.5)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(tmp_path)])
    with h5py.File(path, "r+") as file:
        del file["page"]  # as in older files
    with pytest.raises(UserError, match=r"cannot find decay_of_mine.Decay.*Python's path"):
        load(path, trust=True)
