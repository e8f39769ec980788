"""The names of `pinn` itself: one list, which users, tools and type checkers all see."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import pinn

ROOT = Path(__file__).resolve().parents[1]


def test_every_name_is_the_one_of_its_home():
    assert len(pinn.__all__) > 50
    assert pinn.__all__ == sorted(set(pinn.__all__))
    for name in pinn.__all__:
        assert getattr(pinn, name) is getattr(import_module(pinn._HOMES[name]), name)
    assert set(pinn.__all__) <= set(dir(pinn))


def test_a_star_brings_all_of_them():
    names = {}
    exec("from pinn import *", names)
    assert set(pinn.__all__) == names.keys() - {"__builtins__"}


def test_they_are_known_without_torch_and_imported_when_they_are_used():
    code = (
        "import sys, pinn; known = len(dir(pinn)) > 50 and len(pinn.__all__) > 50;"
        "print(known, 'torch' in sys.modules); pinn.Box; print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "False", "True"]


def test_an_unknown_name_tells_the_nearest():
    with pytest.raises(AttributeError, match="module 'pinn' has no attribute 'slove'; did you mean 'solve'"):
        pinn.slove  # noqa: B018
    with pytest.raises(AttributeError, match=r"module 'pinn' has no attribute 'qqqq'$"):
        pinn.qqqq  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Boks'"):
        exec("from pinn import Boks")


@pytest.mark.slow  # a type checker reads the whole package, half a minute
def test_type_checkers_see_them(tmp_path):
    api = pytest.importorskip("mypy.api")
    script = tmp_path / "script.py"
    names = ", ".join(pinn.__all__)
    script.write_text(f"import pinn\nfrom pinn import {names}\nreveal_type(pinn.Box)\nreveal_type([{names}][0])\n")
    options = ["--strict", "--follow-imports=silent", f"--config-file={ROOT / 'pyproject.toml'}"]
    report, _, status = api.run([*options, str(script)])
    assert status == 0, report
    assert 'Revealed type is "def (**intervals: tuple[float, float]) -> pinn.domains.box.Box"' in report
