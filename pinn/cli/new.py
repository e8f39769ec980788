"""`pinn new NAME`: a problem of the user's own, running and tested as it stands."""

import importlib.util
import keyword
import re
import sys
from argparse import Namespace
from pathlib import Path

from pinn.basis.errors import UserError, require

PAGE = '''\
"""A problem of one's own: change it from top to bottom. The comments say what else there is.

pinn check problem=NAME.py                  are derivatives and conditions right? before anything is trained
pinn problem=NAME.py                        solve, as any problem is by default: a minute or less
pinn problem=NAME --config-dir conf         solve with what conf/problem/NAME.yaml chooses for it
"""

from math import pi

import pinn
from torch import exp, sin  # functions of coordinates and fields are torch's, not numpy's


class CLASS(pinn.Problem):
    """Rod that loses heat to the air  u_t = kappa u_xx - h u  for x in [0, 1], t in [0, 1].

    Conditions  u(0, t) = 0,  u_x(1, t) = 0,  u(x, 0) = sin(pi x / 2).
    diffusivity: kappa, > 0. loss: h, the coefficient of heat transfer to the air, >= 0. Both dimensionless.
    Exact: u = exp(-(kappa pi^2 / 4 + h) t) sin(pi x / 2).
    """

    # Each argument is an option: problem.loss=2 on the command line, a line in conf/problem/NAME.yaml.
    def __init__(self, diffusivity: float = 0.25, loss: float = 1.0) -> None:
        if diffusivity <= 0:
            raise pinn.UserError(f"diffusivity must be > 0, got {diffusivity}")
        self.diffusivity = diffusivity
        self.loss = loss
        # Another: pinn.Box(x=(0, 2), y=(0, 1)) - pinn.Disc((0.5, 0.5), radius=0.2, name="hole"). Steady: without Time.
        self.domain = pinn.Box(x=(0, 1)) * pinn.Time(t=(0, 1))
        self.fields = ("u",)  # a system has several: ("u", "v", "p")
        # To be identified from data (with a term pinn.Data): self.unknowns = {"kappa": 0.1}, its first guess; then
        # kappa is an argument of `balance`. For labels of files and figures: self.units = {"u": "K", "x": "m"}.

    def terms(self):
        """Equations and conditions by name, each a residual that is to vanish."""
        return {
            "balance": pinn.Interior(self.balance),
            "base": pinn.Dirichlet(u=0.0, on="x.min"),  # a number or a function of coordinates, as in `start`
            "tip": pinn.Neumann(u=0.0, on="x.max"),  # Robin, Periodic, Boundary (any residual), ... are like it
            "start": pinn.Initial(u=lambda x: sin(pi / 2 * x)),
        }

    def balance(self, u, u_t, u_xx):
        """The names of the arguments say what is needed: coordinates, fields, derivatives of any order, laplacian_u."""
        return u_t - self.diffusivity * u_xx + self.loss * u

    def exact(self, x, t):
        """Optional, with torch functions: errors are measured against it.

        Numbers from another method are as good, in numpy: `def reference(self, x, t)`. Where neither is known, leave
        both out; the run then tells how well the equations hold at points that it was not trained on.
        """
        return exp(-(self.diffusivity * pi**2 / 4 + self.loss) * t) * sin(pi / 2 * x)

    def results(self):
        """Optional: what is asked of the solution beside its fields, measured at the end of a run with its error."""
        return {
            "mean": pinn.Average("u"),  # at each time; Total, Flow (through sides), Maximum, Profile, ... are like it
            "tip": pinn.Probe("u", at={"x": 1.0}),
        }
'''

CHOICE = """\
# @package _global_
# What NAME.py is solved with; all that has no line here is as by default
defaults:
  - _self_
  # - override /optimizer: linear  # for linear equations with smooth solutions: seconds

problem:
  _target_: NAME.CLASS
  # a line for an argument of the constructor that is not to have its default; pinn --help problem=NAME.py lists them
"""

TEST = '''\
"""Tests of NAME.py, by pytest, whatever its equation is."""

import pinn
from NAME import CLASS


def test_derivatives():
    assert pinn.check_derivatives(CLASS()).passed


def test_solution():
    """The verdict is good, and errors are small where an exact solution or a reference is known."""
    solution = pinn.solve(CLASS(), training=pinn.Training(time_limit=30))
    assert solution.attributes["verdict_word"] in ("trusted", "plausible"), solution.attributes["verdict"]
    for field, error in solution.errors().items():
        assert error["relative_l2"] < 1e-3, field
'''


def new(given: Namespace) -> None:
    """Write NAME.py, test_NAME.py and conf/problem/NAME.yaml; raises UserError for a name that cannot be one."""
    files = {
        given.folder / f"{given.name}.py": PAGE,
        given.folder / f"test_{given.name}.py": TEST,
        given.folder / "conf" / "problem" / f"{given.name}.yaml": CHOICE,
    }
    check_name(given.name)
    for path in files:
        require(not path.exists(), f"{path} exists and is kept as it is; try another name")
    check_free(given.name)
    for path, text in files.items():
        write(path, text.replace("NAME", given.name).replace("CLASS", class_name(given.name)))
        sys.stdout.write(f"{path}\n")
    sys.stdout.write(next_steps(given.name, given.folder))


def check_name(name: str) -> None:
    """Raises UserError where Python or Hydra cannot read the name."""
    require(
        bool(re.fullmatch(r"[a-z][a-z0-9_]*", name)) and not keyword.iskeyword(name),
        f"the name must be of small letters, digits and underscores, such as heat_sink, and no word of Python's, "
        f"got {name!r}",
    )


def check_free(name: str) -> None:
    """Raises UserError where a module has the name: `import NAME` would find one of the two."""
    module = importlib.util.find_spec(name)
    if module is not None:
        raise UserError(f"{name!r} is the name of a Python module ({module.origin}); try my_{name}")


def class_name(name: str) -> str:
    """`HeatSink` for heat_sink."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def write(path: Path, text: str) -> None:
    """Write a file that is not there yet, with its folder; raises UserError where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; try another --folder") from error


def next_steps(name: str, folder: Path) -> str:
    """What to run now."""
    lines = [] if folder == Path() else [f"cd {folder}"]
    lines += [
        f"pinn check problem={name}.py               # are derivatives and conditions right?",
        f"pinn problem={name}.py                     # solve: a minute or less",
        f"pinn problem={name} --config-dir conf      # the same with what conf/problem/{name}.yaml chooses",
        f"pytest test_{name}.py",
    ]
    return "\nIt runs as it stands. Next:\n" + "".join(f"  {line}\n" for line in lines)
