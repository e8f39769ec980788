"""The layout: what stands at the top level, which package is a folder, and which floor imports which."""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "pinn", "conf", "problems", "tests", "runs"}
BUILD_PRODUCTS = {"build", "dist", "pinn.egg-info", "__pycache__"}

# The ground first: a floor imports from itself and from those below it, wherever in a file the import stands.
FLOORS = (
    "basis",
    "linear_algebra",
    "derivatives",
    "networks",
    "domains",
    "sampling",
    "distributed",
    "terms",
    "functionals",
    "problem",
    "ansatz",
    "trial",
    "residuals",
    "scaling",
    "optimizers",
    "solution_file",
    "training",
    "solution",
    "diagnosis",
    "report",
    "solving",
    "sweeps",
    "cli",
)
LONGEST_CHAIN = 20  # of imports, in files
FOLDERS = {"pinn": "pinn", "pinn.conf": "conf", "pinn.problems": "problems"}
# Package -> the only parts of the library that may import it; a Solution names a Figure among its types.
KEPT_APART = {"hydra": ("cli",), "omegaconf": ("cli",), "matplotlib": ("solution", "report", "sweeps")}


def modules() -> dict[str, Path]:
    """Every module of the library by its import name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *(part for part in inner if part != "__init__")))] = path
    return found


@cache
def imports(path: Path, module: str) -> set[str]:
    """The modules that a file imports anywhere: at its head, under TYPE_CHECKING, in functions, by a literal string."""
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import at line {node.lineno}; write it in full"
            assert node.module is not None
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            named |= {member if member in MODULES else node.module for member in members}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    return named


MODULES = modules()
# The library's own arrows. The package itself and its problems look like users: they take public names.
GRAPH = {
    module: {name for name in imports(path, module) if name in MODULES and name != "pinn"}
    for module, path in MODULES.items()
    if module != "pinn" and not module.startswith(("pinn.problems", "pinn.conf"))
}


@pytest.mark.parametrize("module", GRAPH)
def test_a_lower_floor_never_imports_a_higher_one(module):
    own = FLOORS.index(module.split(".")[1])
    higher = {name for name in GRAPH[module] if name in GRAPH and FLOORS.index(name.split(".")[1]) > own}
    assert not higher, f"{module} is on floor {own} and imports {sorted(higher)}"


def test_the_imports_have_no_circle_and_no_long_chain():
    """The order of a topological sort gives each file's depth: one more than the deepest that it imports."""
    depth: dict[str, int] = {}
    try:
        order = list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(f"circle of imports: {' <- '.join(error.args[1])}")
    for module in order:
        depth[module] = 1 + max((depth[name] for name in GRAPH.get(module, ())), default=0)
    deepest = max(depth, key=lambda module: depth[module])
    assert depth[deepest] <= LONGEST_CHAIN, f"{depth[deepest]} files from the ground to {deepest}"


def test_the_hall_holds_no_loose_modules():
    assert {path.name for path in (ROOT / "pinn").glob("*.py")} == {"__init__.py", "problem.py"}


@pytest.mark.parametrize("module", GRAPH)
def test_hydra_and_matplotlib_are_kept_apart(module):
    for name in imports(MODULES[module], module):
        homes = KEPT_APART.get(name.split(".")[0], FLOORS)
        assert module.split(".")[1] in homes, f"{module} imports {name}"


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


def test_a_solution_is_there_without_matplotlib():
    code = "import sys, pinn.solution, pinn.training; print('matplotlib' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == ["False"]


def test_the_command_line_starts_without_torch():
    code = "import sys, pinn.cli; status = pinn.cli.main(['--help']); print(status, 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines()[-1] == "0 False"
    assert ran.stderr == ""
