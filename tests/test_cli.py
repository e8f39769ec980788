"""The command `pinn`, run in this process: what it makes, what it says, and what it answers to mistakes."""

import ast
import json
import logging
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

import pinn
from pinn.cli import main
from pinn.cli.help import further_groups, groups

# A run of a second: everything is made, nothing is learned.
QUICK = (
    *("training.steps=2", "training.held_out=20", "sampler.interior=40", "sampler.boundary=10"),
    *("network.width=4", "network.depth=1", "output.resolution=9", "output.figures=false"),
)
HEAT = '''
"""Heat."""
from pinn import Box, Dirichlet, Interior, Problem, Time


class Heat(Problem):
    """Heat equation."""

    def __init__(self, kappa: float, power=1.0, label: str = "rod", shape: tuple = (1, 2)):
        self.kappa = kappa
        self.domain = Box(x=(0, 1)) * Time(t=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {"heat": Interior(self.heat), "walls": Dirichlet(u=0.0, on=("x.min", "x.max"))}

    def heat(self, u_t, u_xx):
        return u_t - self.kappa * u_xx
'''


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `pinn` with words in an empty folder: (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    before = set(sys.modules)

    def call(*words: str) -> tuple[int, str, str]:
        status = main(words)
        return status, *capsys.readouterr()

    yield call
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def only_run(folder: Path) -> Path:
    """The one run folder below."""
    (found,) = {path.parent for path in folder.rglob("pinn.log")}
    return found


def assert_one_line(err: str) -> str:
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


def test_a_run_leaves_its_files(run, tmp_path):
    status, out, err = run(*QUICK, "seed=3", "problem.nu=0.02")
    assert (status, err) == (0, "")
    folder = only_run(tmp_path)
    assert folder.parent == tmp_path / "runs" / "burgers"
    with h5py.File(folder / "solution.h5") as file:
        assert file.attrs["seed"] == 3
        assert file["u"].shape == (9, 9)
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2]
    assert "nu: 0.02" in (folder / ".hydra" / "config.yaml").read_text()
    assert "burgers" in (folder / "pinn.log").read_text()
    assert str(folder.relative_to(tmp_path) / "solution.h5") in out


def test_the_saved_configuration_is_the_composed_one(run, tmp_path):
    assert run(*QUICK, "constraints=soft", "weights.walls=10")[0] == 0
    configuration = pinn.load(only_run(tmp_path) / "solution.h5").configuration
    assert configuration["weights"] == {"walls": 10.0}
    assert configuration["constraints"] == "soft"
    network = configuration["network"]
    assert (network["_target_"], network["_partial_"]) == ("pinn.networks.MLP", True)
    assert (network["width"], network["depth"], network["activation"]) == (4, 1, "tanh")


def test_show_describes_a_run(run, tmp_path):
    run(*QUICK, "problem.nu=0.02")
    folder = only_run(tmp_path)
    status, out, err = run("show", str(folder))
    assert (status, err) == (0, "")
    assert "burgers" in out
    assert "0.02" in out
    assert run("show", str(folder / "solution.h5")) == (0, out, "")


@pytest.mark.parametrize("words", [("show",), ("show", "runs/none")])
def test_show_of_nothing_is_a_mistake(run, words):
    status, _, err = run(*words)
    assert status == 2
    assert words[-1] in assert_one_line(err)


def test_an_option_of_a_choice_that_has_none_is_told_so(run):
    status, _, err = run(*QUICK, "optimizer=auto", "optimizer.damping=1")
    assert status == 2
    assert "this choice of optimizer has none; name another with it (pinn --help optimizer)" in assert_one_line(err)


MISTAKES = [
    ("problem.nuu=1", ["'problem.nuu'", "did you mean 'problem.nu'", "options of problem are nu"]),
    ("sampler.interor=1", ["did you mean 'sampler.interior'", "interior, boundary, redraw_every"]),
    ("probelm=burgers", ["'probelm'", "did you mean 'problem'", "network, sampler", "seed, dtype"]),
    ("width=3", ["did you mean 'network.width'"]),
    ("hydra.run.dirr=x", ["did you mean 'hydra.run.dir'"]),
    ("problem=burgrs", ["'burgrs'", "did you mean 'burgers'", "the choices are allen_cahn, backward_heat, burgers"]),
    ("optimizer=adm", ["did you mean 'adam'", "choices are adam"]),
    ("problem.nu=abc", ["problem.nu must be a number, got 'abc'"]),
    ("network.width=2.5", ["network.width must be a whole number, got 2.5"]),
    ("training.steps=abc", ["training.steps must be a whole number or null, got 'abc'"]),
    ("output.figures=perhaps", ["output.figures must be true or false, got 'perhaps'"]),
    ("constraints=sof", ["constraints must be one of hard, values, soft, got 'sof'", "did you mean 'soft'"]),
    ("dtype=double", ["dtype must be one of float64, float32, got 'double'"]),
    ("weights.walls=abc", ["weights.walls", "'abc'"]),
    ("seed=0,1", ["seed=0,1", "add -m"]),
    ("problem={", ["cannot read 'problem={'", "KEY=VALUE"]),
    ("problem=null", ["must be a string"]),
    ("optimizer/schedule=cosine", ["no schedule to choose here", "the choice of optimizer has none"]),
    ("experiment=burgers/bst", ["'burgers/bst'", "did you mean 'burgers/best'"]),
    ("hydra/sweeper=optna", ["'optna'", "did you mean 'optuna'"]),
    ("burgers", ["no command 'burgers'", "did you mean 'problem=burgers'", "show"]),
    ("solve", ["no command 'solve'; solving has no word: pinn problem=heat"]),
    ("rods/rod.py:Rod", ["try problem=rods/rod.py:Rod"]),
    ("shwo", ["no command 'shwo'", "did you mean 'show'"]),
    ("--mutirun", ["no flag '--mutirun'", "did you mean '--multirun'"]),
    ("--cfg=jobs", ["--cfg", "'jobs'", "job", "hydra"]),
    ("--config-dir=nowhere", ["no folder 'nowhere' for --config-dir"]),
    ("problem=nowhere.py", ["no file 'nowhere.py'"]),
    ("--resolve", ["--cfg"]),
]


@pytest.mark.parametrize(("word", "parts"), MISTAKES, ids=[word for word, _ in MISTAKES])
def test_a_mistake_is_told_in_one_line(run, tmp_path, word, parts):
    status, out, err = run(word)
    assert (status, out) == (2, "")
    for part in parts:
        assert part in assert_one_line(err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("problem.nu=-1", ["nu", "-1.0"]),
        ("problem.nu=nan", ["nu", "nan"]),
        ("network.width=-3", ["width", "-3"]),
        ("network.activation=tan", ["'tan'", "tanh"]),
        ("sampler.interior=0", ["interior", "0"]),
        ("sampler.boundary=0", ["boundary", "0"]),
        ("training.tolerance=-1", ["tolerance", "-1.0"]),
        ("training.time_limit=nan", ["time_limit", "nan"]),
        ("seed=-1", ["seed", "-1"]),
        ("device=cuda:99", ["cuda:99", "cpu"]),
        ("weights.wals=1", ["wals", "walls"]),
        ("output.resolution=abc", ["resolution", "abc"]),
        ("+problem.x=1", ["cannot build problem", "'x'"]),
        ("seed=${sed}", ["seed: Interpolation key 'sed' not found\n"]),
        ("problem._target_=pinn.problems.Burger", ["cannot build problem", "pinn.problems.Burger"]),
        ("~problem", ["problem has no value"]),
    ],
)
def test_a_bad_value_is_told_in_one_line_and_in_the_log(run, tmp_path, word, parts):
    status, out, err = run(*QUICK, word)
    assert (status, out) == (2, "")
    for part in parts:
        assert part in assert_one_line(err)
    log = (only_run(tmp_path) / "pinn.log").read_text()
    assert err.removeprefix("error: ") in log
    assert "Traceback" not in log


@pytest.mark.parametrize("word", ["hydra.run.dir=taken/run", "hydra.run.dir=taken"])
def test_an_unwritable_folder_is_a_mistake(run, tmp_path, word):
    (tmp_path / "taken").write_text("a file")
    status, _, err = run(*QUICK, word)
    assert status == 2
    assert "taken" in assert_one_line(err)
    assert "hydra.run.dir" in err


def test_a_fault_of_the_program_is_one_line_and_a_traceback_in_the_log(run, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("it broke\nhere")

    monkeypatch.setattr("pinn.cli.launch.solve_configured", broken)
    status, _, err = run()
    assert status == 1
    assert assert_one_line(err) == "error: ZeroDivisionError: it broke here; set HYDRA_FULL_ERROR=1 for the traceback\n"
    assert "in broken" in (only_run(tmp_path) / "pinn.log").read_text()
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    status, _, err = run()
    assert status == 1
    assert err.startswith("Traceback")
    assert "in broken" in err


def test_full_errors_show_the_traceback_of_a_mistake(run, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    status, _, err = run("problem.nu=-1")
    assert status == 2
    assert "burgers.py" in err
    assert err.splitlines()[-1].startswith("error: nu must be")


def test_ctrl_c_is_no_traceback(run, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pinn.cli.launch.solve_configured", interrupted)
    assert run() == (130, "", "interrupted\n")


@pytest.mark.slow
def test_a_sweep_over_choices_and_files(run, tmp_path):
    (tmp_path / "heat_sweep.py").write_text(HEAT.replace("kappa: float", "kappa: float = 1.0"))
    status, _, err = run("-m", *QUICK, "output.estimate=false", "problem=heat_sweep.py,burgers")
    assert (status, err) == (0, "")
    (sweep,) = (tmp_path / "runs" / "multirun").iterdir()
    problems = [h5py.File(sweep / job / "solution.h5").attrs["problem"] for job in "01"]
    assert problems == ["heat", "burgers"]


def test_a_problem_of_ones_own_from_a_file(run, tmp_path):
    (tmp_path / "heat_own.py").write_text(HEAT)
    status, out, err = run("problem=heat_own.py", "problem.kappa=2", "--cfg", "job", "--package", "problem")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        *("# @package problem", "_target_: heat_own.Heat", "kappa: 2.0", "power: 1.0", "label: rod"),
        *("shape:", "- 1", "- 2"),
    ]
    explained = ["kappa: ???  # has no default: problem.kappa=...", "power: 1.0", "label: rod", "shape: [1, 2]"]
    assert run("--help", "problem=heat_own.py")[1].splitlines() == [
        "problem=heat_own.py",
        "# Heat equation.",
        *explained,
    ]
    assert run(*QUICK, "problem=heat_own.py", "problem.kappa=2")[0] == 0
    folder = only_run(tmp_path)
    assert folder.parent == tmp_path / "runs" / "heat"  # by the class, as in the log and in the file
    assert h5py.File(folder / "solution.h5").attrs["problem"] == "heat"
    assert pinn.load(folder / "solution.h5", trust=True).problem.kappa == 2.0


def test_mistakes_with_a_file(run, tmp_path):
    def told(*words):
        status, _, err = run(*words)
        assert status == 2
        return assert_one_line(err)

    (tmp_path / "heat_bad.py").write_text(HEAT)
    (tmp_path / "several.py").write_text(HEAT + HEAT.replace("class Heat", "class Rod"))
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "broken.py").write_text("import nothing_of_that_name")
    (tmp_path / "wave.py").write_text(HEAT)
    (tmp_path / "two-d.py").write_text(HEAT)
    assert "'problem.kapa' (did you mean 'problem.kappa'?)" in told("problem=heat_bad.py", "problem.kapa=1")
    assert "problem.kappa must be a number, got 'abc'" in told("problem=heat_bad.py", "problem.kappa=abc")
    assert "problem.kappa has no value" in told("problem=heat_bad.py")
    assert "did you mean 'heat_bad.py'" in told("problem=heat_bd.py")
    assert "a file is named with its ending, problem=heat_bad.py" in told("problem=heat_bad")
    assert "no Problem 'Nope' in heat_bad.py; try heat_bad.py:Heat" in told("problem=heat_bad.py:Nope")
    assert "several.py:Heat, several.py:Rod" in told("problem=several.py")
    assert "did you mean 'Rod'" in told("problem=several.py:Rodd")
    assert "defines no Problem" in told("problem=empty.py")
    assert "ModuleNotFoundError: No module named 'nothing_of_that_name'" in told("problem=broken.py")
    assert "rename wave.py" in told("problem=wave.py")
    assert "two-d.py cannot be imported" in told("problem=two-d.py")


def test_one_of_several_problems_in_a_folder(run, tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "two_cases.py").write_text(HEAT + HEAT.replace("class Heat", "class Rod"))
    assert run(*QUICK, "problem=cases/two_cases.py:Rod", "problem.kappa=2")[0] == 0
    folder = only_run(tmp_path)
    assert folder.parent == tmp_path / "runs" / "rod"
    assert h5py.File(folder / "solution.h5").attrs["problem"] == "rod"


def test_groups_of_ones_own(run, tmp_path):
    (tmp_path / "my_conf" / "problem").mkdir(parents=True)
    (tmp_path / "my_conf" / "problem" / "thick.yaml").write_text("# Thick\ndefaults: [burgers]\nnu: 0.1\n")
    status, out, _ = run("--config-dir", "my_conf", "problem=thick", "--cfg", "job", "--package", "problem")
    assert status == 0
    assert "nu: 0.1" in out
    assert "did you mean 'thick'" in run("--config-dir", "my_conf", "problem=thik")[2]
    assert "    thick  " in run("--config-dir", "my_conf", "--help")[1]
    assert run("--help", "problem=thick", "--config-dir", "my_conf")[1].startswith("problem=thick\n# Thick\n")


def test_flags_may_stand_between_options(run):
    status, out, err = run("problem.nu=0.02", "--cfg", "job", "seed=7")
    assert (status, err) == (0, "")
    assert "nu: 0.02" in out
    assert "seed: 7" in out


def test_help_lists_every_choice_with_its_line(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    for group, choices in (groups() | further_groups()).items():
        assert f"\n  {group}\n" in out
        for choice, description in choices.items():
            assert description
            assert any(choice in line and description in line for line in out.splitlines())
    assert "  * burgers " in out
    assert "* adam" not in out
    assert "seed=0" in out


def test_help_explains_the_options_of_a_choice(run):
    status, out, _ = run("--help", "optimizer=adam")
    assert status == 0
    assert "learning_rate: 1.0e-3  # " in out
    assert "_target_" not in out
    assert "defaults" not in out
    assert "width: " in run("--help", "network")[1]
    assert "strength: 1.0  # " in run("--help", "sampler/adaptation=rad")[1]
    assert "constraints: soft" in run("--help", "experiment=burgers/soft")[1]
    assert "experiment=burgers/best  " in run("--help", "experiment")[1]
    assert "did you mean 'optimizer'" in run("--help", "optimiser")[2]
    assert "did you mean 'adam'" in run("--help", "optimizer=adm")[2]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--help"], "usage"),
        (["--help", "optimizer"], "random features"),
        (["compare", "--help"], "usage"),
        (["shwo"], "did you mean 'show'"),
        (["optimizer=adm"], "did you mean 'adam'"),
        (["problem.nuu=1"], "did you mean 'problem.nu'"),
        (["optimizer=linear", "optimizer.cutof=0"], "the options of optimizer are cutoff"),
    ],
)
def test_help_and_misspelt_words_load_nothing_that_takes_seconds(words, told):
    code = f"import sys, pinn.cli; pinn.cli.main({words}); print(sorted(sys.modules), file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told in (ran.stdout + ran.stderr).lower()
    assert not {"torch", "scipy", "matplotlib"} & set(ast.literal_eval(ran.stderr.splitlines()[-1]))


def test_version(run):
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("pinn ")


def test_nothing_is_left_behind_in_the_process(run, monkeypatch):
    argv = list(sys.argv)
    run(*QUICK)
    assert sys.argv == argv
    assert not [handler for handler in logging.getLogger().handlers if "pinn.log" in str(vars(handler))]
