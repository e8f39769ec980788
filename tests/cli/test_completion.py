"""What the Tab key completes."""

import shutil
import subprocess
import sys

import pytest

from pinn.cli import main
from pinn.cli.completion import SCRIPTS, completed
from pinn.cli.subcommands import SUBCOMMANDS

PAGE = """
raise SystemExit  # it is not run

class Rod:
    def __init__(self, kappa, *, loss=1.0): ...

class Other(Rod):
    def __init__(self, size): ...
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pinn re", ["report ", "resume "]),
        ("pinn prob", ["problem.", "problem="]),
        ("pinn seed=1 re", []),  # no command there
        ("pinn show ru", []),  # files, which the shell knows
        ("pinn problem=ro", ["problem=rod.py "]),
        ("pinn check problem=ro", ["problem=rod.py "]),
        ("pinn problem=rod.py:Rod problem.", ["problem.kappa=", "problem.loss="]),
        ("pinn problem=rod.py problem.", ["problem.size="]),
        ("pinn problem=none.py problem.", []),
        ("pinn experiment=burgers/b", ["experiment=burgers/best "]),
        ("pinn optimizer=adam,lb", ["optimizer=adam,lbfgs "]),
        ("pinn problem=heat problem.d", ["problem.diffusivity="]),
        ("pinn training.ste", ["training.steps="]),
        ("pinn --conf", ["--config-dir "]),
        ("pinn see", ["seed="]),
    ],
)
def test_what_completes_a_line(folder_of_own, line, found):
    (folder_of_own / "rod.py").write_text(PAGE, encoding="utf-8")
    assert completed(line, SUBCOMMANDS) == found


def test_mistakes_leave_the_terminal_alone(folder_of_own, capsys):
    (folder_of_own / "rod.py").write_text("class (", encoding="utf-8")
    assert main(["completion", "--line", "pinn problem=rod.py problem."]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_a_shell_accepts_its_script(capsys, shell):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("breaks", "found"), [(" =:", "<lbfgs >"), (" ", "<optimizer=lbfgs >")])
def test_bash_replaces_the_word_as_it_sees_it(breaks, found):
    program = f"""
        pinn() {{ {sys.executable} -c 'import sys; from pinn.cli import main; sys.exit(main(sys.argv[1:]))' "$@"; }}
        COMP_WORDBREAKS='{breaks}' COMP_LINE="pinn seed=1 optimizer=lb" COMP_POINT=24
        _pinn_complete; printf '<%s>' "${{COMPREPLY[@]}}"
    """
    said = subprocess.run(["bash", "-c", SCRIPTS["bash"] + program], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == (found, "")
