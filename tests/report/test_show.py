"""`pinn show`: the numbers of a run, read from its solution file."""

import functools
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch

from pinn.basis.errors import UserError
from pinn.cli import main
from pinn.networks import MLP
from pinn.problems import Burgers
from pinn.report.show import describe
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution
from pinn.trial.making import make_trial

HISTORY = {
    "step": np.arange(1, 6),
    "loss": np.array([1.0, 0.5, 0.25, 0.125, 0.0625]),
    "held_out": np.array([4.0, np.nan, 0.09, np.nan, 0.16]),
    "held_out/momentum": np.array([4.0, np.nan, 0.09, np.nan, 0.16]),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    torch.manual_seed(0)
    trial = make_trial(Burgers(), functools.partial(MLP, width=5, depth=2))
    solution = Solution(
        trial,
        Residuals(trial),
        history=HISTORY,
        output=Output(resolution={"x": 9, "t": 4}),
        attributes={"seed": 7, "status": "steps", "wall_seconds": 12.34},
    )
    return solution.save(tmp_path_factory.mktemp("run"))


def test_the_numbers_come_first(path):
    lines = describe(path).splitlines()
    with h5py.File(path) as file:
        relative, largest = file.attrs["relative_l2_u"], file.attrs["max_error_u"]
    assert str(path) in lines[0]
    assert lines[1].startswith("Viscous Burgers equation")
    told = [" ".join(line.split()) for line in lines]
    assert told[3].startswith("verdict plausible the residual on fresh points is")
    assert told[4] == f"error of u {relative:.2e} relative L2 to the reference, largest {largest:.2e}"
    # of the measurements the smallest, whose parameters a run keeps: sqrt(0.09) at step 3
    assert told[5] == "residual of momentum 3.00e-01 root mean square on fresh points, weighted"
    assert told[6] == "steps 5, kept are those of step 3, held-out 9.000e-02"
    assert {"status steps", "wall seconds 12.3", "seed 7", "dtype float64"} <= {" ".join(x.split()) for x in lines}


def test_configuration_and_nodes_follow(path):
    text = describe(path.parent)  # the run's folder will do
    assert text.index("\nconfiguration\n") < text.index("    _target_: pinn.problems.Burgers") < text.index("\nnodes\n")
    nodes = [" ".join(line.split()) for line in text[text.index("\nnodes\n") :].splitlines()]
    assert nodes[2:5] == ["float64 /x(x: 9)", "float64 /t(t: 4)", "float64 /u(t: 4, x: 9)"]
    assert "float64 /error/u(t: 4, x: 9) error of u" in nodes
    assert "float64 /residual/momentum(t: 4, x: 9) residual of momentum" in nodes
    assert "float64 /training/held_out_momentum(step: 5)" in nodes
    assert "links /VTKHDF/*" in nodes
    assert not any("PointData" in line or "axis_0_5(" in line for line in nodes)


def test_everything_in_the_file_is_listed(path, tmp_path):
    copy = tmp_path / "solution.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        file["diagnosis/singular_values"] = np.array([3.0, 2e-5])
        file.attrs["jacobian_rows"], file.attrs["jacobian_columns"] = 10, 2
        file.attrs["verdict_word"], file.attrs["verdict_action"] = "not solved", "a wider network"
        file.attrs["verdict"] = "not solved: walls are not\nmomentum is overfitted\ntry a wider network"
        parameters = sum(node[()].size for name, node in file["network"].items() if not node.is_scale)
    text = describe(copy)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert f"network {parameters} parameters in 6 arrays" in lines
    assert "Jacobian 10 x 2, singular values 3.0e+00 to 2.0e-05" in lines
    start = lines.index("verdict not solved walls are not")
    assert lines[start + 1 : start + 3] == ["momentum is overfitted", "try a wider network"]
    sections = ["equation", "configuration", "dimensions", "nodes", "attributes"]
    assert [line for line in text.splitlines() if line in sections] == sections
    start = lines.index("dimensions")
    assert lines[start + 1 : start + 4] == ["t = 4", "x = 9", "step = 5"]
    assert "Conditions u(x, 0) = -sin(pi x), u(-1, t) = u(1, t) = 0." in lines
    with h5py.File(copy) as file:
        listed = {line.partition(" = ")[0] for line in lines[lines.index("attributes") :] if line.startswith(":")}
        assert listed == {f":{name}" for name in file.attrs} - {":comment", ":verdict"}


def test_a_run_without_truth_or_history_says_so(path, tmp_path):
    copy = tmp_path / "solution.h5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        for name in ("relative_l2_u", "max_error_u"):
            del file.attrs[name]
        file.attrs["unknown_nu"] = 0.00318309
        for name in file["training"]:
            del file["training"][name]
    lines = [" ".join(line.split()) for line in describe(copy).splitlines()]
    assert "error not known: the problem has neither an exact nor a reference solution" in lines
    assert "identified nu 0.00318309" in lines
    assert not any("residual of momentum 3" in line or line.startswith("steps") for line in lines)


def test_what_cannot_be_shown(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        describe(tmp_path / "absent")
    with pytest.raises(UserError, match=r"no solution\.h5 in"):
        describe(tmp_path)


def test_torch_is_not_needed(path):
    code = (
        "import sys; from pinn.report.show import describe; describe(sys.argv[1]); "
        "print({'torch', 'matplotlib'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "set()"


def test_what_a_file_says_steers_no_terminal(tmp_path, capsys):
    trial = make_trial(Burgers(), functools.partial(MLP, width=4, depth=1))
    attributes = {"outcome": "done\x1b]0;title\x07 [/x]", "title": "\x9b2J"}
    Solution(trial, attributes=attributes, output=Output(resolution=5)).save(tmp_path)
    for command in ("show", "verdict"):
        assert main([command, str(tmp_path)]) == 0
        told = capsys.readouterr().out
        assert "[/x]" in told
        assert not set("\x1b\x07\x9b") & set(told)
