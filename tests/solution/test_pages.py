"""A solution belongs to the page that made it: it is loaded from what its file holds, not from today's page."""

import functools
import pickle
import sys

import h5py
import pytest

from pinn.basis.errors import UserError
from pinn.basis.pages import Page
from pinn.cli.problem_file import problem_options
from pinn.networks import MLP
from pinn.optimizers import LeastDamping
from pinn.report.show import describe
from pinn.sampling import SobolSampler
from pinn.solution import Output, Solution, load
from pinn.solution_file.reading import read_page
from pinn.solving.blueprint import Blueprint
from pinn.training import Plan, Training
from pinn.trial.making import make_trial

PAGE = """
import pinn

class Rod(pinn.Problem):
    def __init__(self, start: float = 0.25):
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields = ("u",)
        self.start = start

    def terms(self):
        return {
            "heat": pinn.Interior(lambda u_t, u_xx: u_t - u_xx),
            "start": pinn.Initial(u=lambda x: self.start + 0 * x),
        }
"""


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """The file of a solution of a page in `pages`, which nothing has imported."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "rod_of_test.py").write_text(PAGE, encoding="utf-8")
    problem_options(str(folder / "rod_of_test.py"))
    problem = sys.modules.pop("rod_of_test").Rod()
    trial = make_trial(problem, functools.partial(MLP, width=4), constraints="hard")
    return Solution(trial, output=Output(resolution=5)).save(tmp_path / "solution.h5")


def test_it_is_of_the_page_that_made_it(saved, tmp_path, caplog):
    page = tmp_path / "pages" / "rod_of_test.py"
    page.write_text(PAGE.replace("self.start + 0", "self.start + 0.5 + 0"), encoding="utf-8")
    solution = load(saved, trust=True)
    assert solution(x=0.5, t=0.0) == pytest.approx(0.25, abs=1e-15)  # hard; today's has 0.75
    assert f"the page of {saved} has changed since (rod_of_test.py in {page.parent})" in caplog.text
    assert "since changed: rod_of_test.py" in describe(saved)
    again = solution.save(tmp_path / "again.h5")
    assert load(again, trust=True)(x=0.5, t=0.0) == pytest.approx(0.25, abs=1e-15)


def test_it_needs_no_page_on_the_disk(saved, tmp_path, caplog):
    (tmp_path / "pages" / "rod_of_test.py").unlink()
    (tmp_path / "pages").rmdir()
    sys.path_importer_cache.clear()
    assert load(saved, trust=True)(x=0.5, t=0.0) == pytest.approx(0.25, abs=1e-15)
    assert caplog.text == ""


def test_without_trust_nothing_of_it_is_run(saved):
    with h5py.File(saved, "r+") as file:
        kept = read_page(file)
        stranger = {"rod_of_test.py": kept.sources["rod_of_test.py"] + "\nraise SystemExit"}
        file["page/rod_of_test.py"][()] = stranger["rod_of_test.py"]
        file["page"].attrs["sha256"] = Page(kept.module, kept.path, stranger).digest
    with pytest.raises(UserError, match="with trust=True"):
        load(saved)
    with pytest.raises(SystemExit):
        load(saved, trust=True)


def test_a_page_that_does_not_fit_its_hash_is_refused(saved):
    with h5py.File(saved, "r+") as file:
        file["page/rod_of_test.py"][()] = "raise SystemExit"
    with pytest.raises(UserError, match=r"its /page is not what was written: the SHA-256 differs"):
        load(saved, trust=True)


def test_processes_of_a_run_that_goes_on_have_its_page_too(saved, tmp_path):
    (tmp_path / "pages" / "rod_of_test.py").write_text("", encoding="utf-8")
    with h5py.File(saved) as file:
        read_page(file).install()
    network = functools.partial(MLP, width=4)
    plan = Plan(sys.modules["rod_of_test"].Rod(), network, LeastDamping(), SobolSampler(), Training())
    sent = Blueprint(plan).packed()
    sys.meta_path.pop(0)  # a new process
    del sys.modules["rod_of_test"]
    assert pickle.loads(sent)().plan.problem.start == 0.25
    sys.modules.pop("rod_of_test")
