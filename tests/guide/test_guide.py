"""The guide: its pages are listed, what they show in Python runs, their commands are understood, they are printed."""

import re
import shlex
import sys
import types
from argparse import Namespace
from functools import partial

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from pages import GUIDE, PAGES, commands, links, problems, python_blocks

import pinn
from pinn.cli import main
from pinn.cli.composition import composed
from pinn.cli.flags import read_flags
from pinn.cli.guide import CONTENTS, guide
from pinn.cli.help import choice_page
from pinn.cli.parser import Parser
from pinn.cli.subcommands import SUBCOMMANDS
from pinn.cli.sweeping.sweepers import register_sweepers
from pinn.networks.mlp import MLP
from pinn.networks.random_features import RandomFeatures
from pinn.optimizers.gauss_newton import LeastDamping
from pinn.optimizers.linear import LinearLeastSquares
from pinn.sampling.sequences import SobolSampler
from pinn.training.settings import Training

TOPICS = [name for name in PAGES if name != CONTENTS]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory; modules made in it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_every_page_is_listed_and_has_a_title():
    assert sorted(links(PAGES[CONTENTS])) == sorted(f"{topic}.md" for topic in TOPICS)
    contents = (GUIDE / "index.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"^   ([\w-]+)$", contents, flags=re.MULTILINE)) == {*PAGES, "reference"}
    for topic, text in PAGES.items():
        assert re.match(r"# \S.*\n\n", text), topic


@pytest.mark.parametrize("topic", PAGES)
def test_links_lead_somewhere(topic):
    for link in links(PAGES[topic]):
        assert (GUIDE / link).is_file(), link


def few_steps(problem: pinn.Problem, *_, **given) -> pinn.Solution:
    """`pinn.solve` with what a test has time for, whatever else is told."""
    network, optimizer = partial(MLP, width=6, depth=1), LeastDamping()
    if any(isinstance(guess, pinn.Eigenvalue) for guess in problem.unknowns.values()):
        network, optimizer = partial(RandomFeatures, width=80, scale=30.0), LinearLeastSquares()
    return SOLVE(
        problem,
        network,
        optimizer,
        SobolSampler(interior=100, boundary=20),
        Training(steps=2, held_out=20),
        output=pinn.Output(figures=False, resolution=9, second_stage=False),
        compile="never",
        seed=given.get("seed", 0),
        callbacks=given.get("callbacks", ()),
    )


SOLVE = pinn.solve
WITH_CODE = [topic for topic in TOPICS if python_blocks(PAGES[topic]) and topic != "data"]  # that one: test_data.py
ASKING = {"results": pytest.mark.estimates}  # with errors what is asked is measured


def marked(topics):
    """Topics as a test's parameters."""
    return [pytest.param(topic, marks=ASKING.get(topic, ())) for topic in topics]


def run_blocks(topic, folder) -> types.ModuleType:
    """Run a page's blocks one after the other, as in one file, which is returned."""
    module = types.ModuleType(f"page_{topic.replace('-', '_')}")
    module.__file__ = str(folder / f"{module.__name__}.py")
    sys.modules[module.__name__] = module
    for number, block in enumerate(python_blocks(PAGES[topic])):
        exec(compile(block, f"{topic}.md, block {number}", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("topic", marked(WITH_CODE))
def test_the_code_of_a_page_runs(topic, folder, monkeypatch):
    monkeypatch.setattr(pinn, "solve", few_steps)
    page = run_blocks(topic, folder)
    for name, kind in list(vars(page).items()):
        is_own = isinstance(kind, type) and issubclass(kind, pinn.Problem) and kind.__module__ == page.__name__
        if is_own and f"solve({name}(" not in PAGES[topic]:
            few_steps(kind())


@pytest.mark.slow
@pytest.mark.parametrize("topic", marked(topic for topic in WITH_CODE if "pinn.solve(" in PAGES[topic]))
def test_the_code_of_a_page_solves(topic, folder):
    run_blocks(topic, folder)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if commands(PAGES[topic])])
def test_the_commands_of_a_page_are_understood(topic, folder):
    for name, block in problems(PAGES[topic]).items():
        (folder / name).write_text(block, encoding="utf-8")
    register_sweepers()
    for command in dict.fromkeys(commands(PAGES[topic])):
        try:
            understand(shlex.split(command))
        except Exception as error:
            raise AssertionError(f"pinn {command}: {error}") from error


def understand(words: list[str]) -> None:
    """Read a command's words as `pinn` does, and compose the first of the runs that they ask for; nothing is run."""
    options = words
    if words and words[0] in SUBCOMMANDS:
        subcommand = SUBCOMMANDS[words[0]]
        parser = Parser(words[0], subcommand.description, subcommand.examples)
        subcommand.add_arguments(parser)
        given = parser.parse_intermixed_args(words[1:])
        options = getattr(given, "options", [])
        if words[0] == "guide":
            guide(given)
        if not options:
            return
    flags, _ = read_flags(options)
    if flags.help:
        for topic in flags.words:
            choice_page(topic)
    else:
        composed([first(override) for override in OverridesParser.create().parse_overrides(flags.words)])


def first(override: Override) -> str:
    """The override of a sweep's first run."""
    if override.is_interval_sweep():
        return f"{override.key_or_group}={override.value().start}"
    if override.is_sweep_override():
        return f"{override.key_or_group}={next(iter(override.sweep_string_iterator()))}"
    return override.input_line


def test_guide_prints_pages_as_they_are_written(capsys):
    assert main(["guide"]) == 0
    assert capsys.readouterr().out == PAGES[CONTENTS]
    assert main(["guide", "ode"]) == 0
    assert capsys.readouterr().out == PAGES["ode"]
    assert main(["guide", "oed"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: no page 'oed' in the guide (did you mean 'ode'?); the pages are data, ")


def test_guide_is_typeset_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    guide(Namespace(topic="results"))
    out = capsys.readouterr().out
    assert "# Results" not in out
    assert "Results" in out
