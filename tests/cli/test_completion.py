"""What the Tab key completes."""

import os
import shutil
import subprocess
import sys
import time

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
        ("pinn prob", ["probes=", "problem.", "problem="]),
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


# A shell's settings: our script, a prompt that says when it reads, and ^G, which writes what stands on the line.
READING = {
    "zsh": "told() { print -rn -- $BUFFER > told }; zle -N told; bindkey '^G' told; PS1=reads",
    "fish": "bind \\cg 'commandline > told'; function fish_prompt; echo -n reads; end; function fish_title; end",
}


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """What stands on the line of a shell on a terminal of its own after a line is begun and Tab is pressed."""
    command = f"exec {sys.executable} -c 'import sys; from pinn.cli import main; sys.exit(main(sys.argv[1:]))' \"$@\""
    (tmp_path / "pinn").write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
    (tmp_path / "pinn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in ("HOME", "ZDOTDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")

    def call(shell: str, line: str) -> str:
        (tmp_path / ".zshrc").write_text(SCRIPTS[shell] + READING[shell], encoding="utf-8")
        words = {"zsh": ["zsh", "-i"], "fish": ["fish", "--no-config", "-i", "-C", SCRIPTS[shell] + READING[shell]]}
        terminal = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", *words[shell]]
        with subprocess.Popen(
            terminal, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as process:
            said = b""
            while b"reads" not in said:
                more = os.read(process.stdout.fileno(), 4096)
                assert more, said
                said += more
            process.stdin.write(f"{line}\t\a".encode())
            deadline = time.monotonic() + 60
            while not (told := tmp_path / "told").exists() or not told.read_text():
                assert time.monotonic() < deadline, said
                time.sleep(0.02)
            process.kill()
        return told.read_text().removesuffix("\n")

    return call


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pinn optimizer=adam,lb", "pinn optimizer=adam,lbfgs "),
        ("pinn problem=heat problem.d", "pinn problem=heat problem.diffusivity="),
    ],
)
@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_completes_the_line_at_tab(typed, shell, line, found):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert typed(shell, line) == found


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
