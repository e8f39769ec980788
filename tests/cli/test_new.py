"""`pinn new`: what it writes runs and passes its own tests as it stands; what it refuses."""

import os
import sys

import h5py
import pytest

from pinn.cli import main
from pinn.cli.new import class_name


@pytest.fixture
def run(folder_of_own, capsys):
    """Run `pinn` with words in an empty folder: (status, stdout, stderr)."""
    return lambda *words: (main(words), *capsys.readouterr())


def test_a_new_problem_runs_as_it_stands(run, tmp_path):
    """By its file and by its choice, which is the user's although the catalogue has a heat_sink, too."""
    status, out, err = run("new", "heat_sink")
    assert (status, err) == (0, "")
    assert out.splitlines()[:3] == ["heat_sink.py", "test_heat_sink.py", "conf/problem/heat_sink.yaml"]
    told = [line.split(" #")[0].split() for line in out.splitlines() if line.startswith("  pinn ")]
    check, plain, chosen = (words[1:] for words in told)
    status, out, err = run(*check)
    assert (status, err) == (0, "")
    assert out.endswith("pre-flight: balance, base (exact), tip (exact), start (exact); nothing found\n")
    words = ("optimizer=linear", "network.width=200", "problem.loss=2", "hydra.run.dir=solved", "output.figures=false")
    status, out, err = run(*chosen, *words)
    assert (status, err) == (0, "")
    with h5py.File(tmp_path / "solved" / "solution.h5") as file:
        assert file.attrs["relative_l2_u"] < 1e-10  # 2e-14; without random features 1e-8
        assert "loss: 2.0\n" in file["config"].asstr()[()]
    status, out, err = run(*plain, "training.steps=2", "hydra.run.dir=two_steps", "output.figures=false")
    assert (status, err) == (0, "")
    assert (tmp_path / "two_steps" / "solution.h5").is_file()


@pytest.mark.slow
def test_its_tests_pass_and_can_fail(run, tmp_path):
    run("new", "rod", "--folder", "rods")
    folder = tmp_path / "rods"
    shorten(folder / "test_rod.py")
    assert "2 passed" in said_by_pytest(folder)
    page = folder / "rod.py"
    page.write_text(page.read_text().replace("self.loss * u\n", "1.02 * self.loss * u\n"), encoding="utf-8")
    assert "1 failed" in said_by_pytest(folder, "-k", "solution")


def shorten(test):
    """Steps in place of seconds, which other work may take."""
    test.write_text(test.read_text().replace("time_limit=30", "steps=10"), encoding="utf-8")


def said_by_pytest(folder, *words):
    """In a fork of this process, which has torch loaded already."""
    said = folder.parent / "said"
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            sys.stdout, sys.dont_write_bytecode = open(1, "w", closefd=False), True  # noqa: SIM115
            pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir=.", "-c", os.devnull, *words])
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return said.read_text()


OTHER = """
import pinn

class Rod(pinn.Problem):
    def __init__(self, rate: float = 2.0):
        self.domain, self.fields, self.rate = pinn.Time(t=(0, 1)), ("q",), rate

    def terms(self):
        return {"decay": pinn.Interior(self.decay), "start": pinn.Initial(q=1.0)}

    def decay(self, q, q_t):
        return q_t + self.rate * q
"""


def test_what_is_written_survives_another_equation(run, tmp_path):
    """Other arguments, other fields and no exact solution."""
    run("new", "rod")
    (tmp_path / "rod.py").write_text(OTHER, encoding="utf-8")
    shorten(tmp_path / "test_rod.py")
    status, _, err = run("check", "problem=rod", "--config-dir", "conf", "problem.rate=3")
    assert (status, err) == (0, "")
    assert "2 passed" in said_by_pytest(tmp_path)


def test_the_page_is_filled_in(run, tmp_path):
    run("new", "rod")
    page, choice, test = ((tmp_path / name).read_text() for name in ("rod.py", "conf/problem/rod.yaml", "test_rod.py"))
    assert max(map(len, page.splitlines())) <= 120
    assert "NAME" not in page + choice + test
    assert "CLASS" not in page + choice + test


def test_nothing_is_overwritten(run, tmp_path):
    mine = tmp_path / "conf" / "problem" / "rod.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    status, out, err = run("new", "rod")
    assert (status, out) == (2, "")
    assert err == "error: conf/problem/rod.yaml exists and is kept as it is; try another name\n"
    assert mine.read_text() == "mine"
    assert not (tmp_path / "rod.py").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("heat-sink",), "small letters, digits and underscores, such as heat_sink"),
        (("class",), "no word of Python's, got 'class'"),
        (("../rod",), "got '../rod'"),
        (("torch",), "'torch' is the name of a Python module"),
        (("json",), "try my_json"),
        ((), "the following arguments are required: NAME; see pinn new --help"),
        (("rod", "--folder", "file/rods"), "cannot write file/rods/rod.py"),
    ],
)
def test_mistakes_are_told_in_one_line(run, tmp_path, words, message):
    (tmp_path / "file").write_text("")
    status, out, err = run("new", *words)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_main_configuration_in_the_users_folder_is_refused(run, tmp_path):
    run("new", "rod")
    (tmp_path / "conf" / "config.yaml").write_text("seed: 1\n")
    status, _, err = run("problem=rod", "--config-dir", "conf", "--cfg", "job")
    assert status == 2
    assert "conf/config.yaml would replace pinn's own config.yaml: rename it" in err


def test_class_names():
    assert [class_name(name) for name in ("rod", "heat_sink", "poisson_2d")] == ["Rod", "HeatSink", "Poisson2d"]


def test_an_argument_that_the_page_no_longer_has(run, tmp_path):
    run("new", "rod")
    page = tmp_path / "rod.py"
    page.write_text(page.read_text().replace(", loss: float = 1.0", "").replace("self.loss = loss", "self.loss = 1.0"))
    with (tmp_path / "conf" / "problem" / "rod.yaml").open("a") as choice:
        choice.write("  loss: 2.0\n")
    status, _, err = run("check", "problem=rod", "--config-dir", "conf")
    assert status == 2
    assert err == "error: cannot build problem: Rod takes no argument 'loss': take problem.loss out of conf/\n"
