"""The layout: what stands at the top level, which package is a folder, and which floor imports which."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "pinn", "conf", "problems", "tests", "runs"}
BUILD_PRODUCTS = {"build", "dist", "pinn.egg-info", "__pycache__"}

# A module may import from its own floor and from lower ones.
FLOORS = (
    ("pinn.basis.errors", "pinn.basis.arguments", "pinn.basis.configurable", "pinn.basis.logs"),
    (
        "pinn.derivatives",
        "pinn.domains",
        "pinn.sampling",
        "pinn.networks",
        "pinn.linear_algebra",
        "pinn.distributed",
    ),
    ("pinn.problem", "pinn.terms"),
    (
        "pinn.problems",
        "pinn.ansatz",
        "pinn.trial.continuation",
        "pinn.residuals.exact_terms",
        "pinn.residuals.blocks",
        "pinn.residuals",
        "pinn.residuals.least_squares",
        "pinn.solving.cuda_graphs",
        "pinn.replicas",
        "pinn.trial",
        "pinn.trial.windows",
    ),
    ("pinn.training.weighting", "pinn.optimizers"),
    (
        "pinn.training",
        "pinn.solving.compilation",
        "pinn.training.initial_guess",
        "pinn.training.feature_scales",
        "pinn.training.held_out",
        "pinn.training.checkpoint",
        "pinn.training.callbacks",
        "pinn.solution",
        "pinn.diagnosis",
        "pinn.basis.rebuilding",
    ),
    ("pinn.report", "pinn.solution.export", "pinn.sweeps"),
    ("pinn.solving", "pinn.cli", "pinn.conf"),
    ("pinn",),
)
FOLDERS = {"pinn": "pinn", "pinn.conf": "conf", "pinn.problems": "problems"}
# Package -> the only part of the library that may import it.
KEPT_APART = {"hydra": "pinn.cli", "omegaconf": "pinn.cli", "matplotlib": "pinn.report"}


def modules() -> dict[str, Path]:
    """Every module of the library by its import name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *(part for part in inner if part != "__init__")))] = path
    return found


def floor(module: str) -> int:
    """The number of the floor on which a module stands."""
    known = {name: number for number, names in enumerate(FLOORS) for name in names}
    if module in known:
        return known[module]
    parts = module.split(".")
    # pinn.solution_file stands with pinn.solution
    candidates = [name for name in known if name != "pinn" and parts[1].startswith(name.split(".")[1])]
    assert candidates, f"{module} stands on no floor: add it to FLOORS"
    return known[max(candidates, key=len)]


def imports(path: Path, module: str) -> set[str]:
    """The modules that a file imports anywhere, type checking's own imports aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ignored = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if node in ignored:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import at line {node.lineno}; write it in full"
            assert node.module is not None
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


MODULES = modules()


@pytest.mark.parametrize("module", MODULES)
def test_a_lower_floor_never_imports_a_higher_one(module):
    own = floor(module)
    higher = {name for name in imports(MODULES[module], module) if name.split(".")[0] == "pinn" and floor(name) > own}
    assert not higher, f"{module} is on floor {own} and imports {sorted(higher)}"


@pytest.mark.parametrize("module", MODULES)
def test_hydra_and_matplotlib_are_kept_apart(module):
    for name in imports(MODULES[module], module):
        home = KEPT_APART.get(name.split(".")[0])
        assert home is None or module == home or module.startswith(f"{home}."), f"{module} imports {name}"


def test_packages_are_the_folders():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert set(settings["packages"]) == folders
    assert settings["package-dir"] == FOLDERS
    for path in MODULES.values():
        assert (path.parent / "__init__.py").is_file(), f"{path.parent} has modules and no __init__.py"


def test_top_level_holds_only_what_was_agreed():
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - BUILD_PRODUCTS == TOP_LEVEL


def test_a_folder_holds_two_files_or_more():
    for name, path in MODULES.items():
        if path.name == "__init__.py" and name not in FOLDERS:
            others = [other for other in path.parent.rglob("*.py") if other != path]
            assert others, f"{name} is a folder with one file"


def test_the_command_line_starts_without_torch():
    code = "import sys, pinn.cli; status = pinn.cli.main(['--help']); print(status, 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines()[-1] == "0 False"
    assert ran.stderr == ""
