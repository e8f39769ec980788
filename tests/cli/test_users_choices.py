"""Choices of one's own in --config-dir, whose targets are not as plain as pinn's: they compose as they are written."""

import sys

import pytest
import yaml

from pinn.cli import main

MODULE = """
from __future__ import annotations
from functools import partial
from typing import TYPE_CHECKING
from pinn.networks import MLP

if TYPE_CHECKING:
    from nowhere import Width

shallow = partial(MLP, depth=1)

def annotated(inputs: int, outputs: int, width: Width = 5):
    return MLP(inputs, outputs, width=width)

def anything(inputs, outputs, **kwargs):
    return MLP(inputs, outputs)
"""


@pytest.fixture
def compose(tmp_path, monkeypatch, capsys):
    """The network that a file of one's own with this text gives."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "user_networks", raising=False)
    (tmp_path / "user_networks.py").write_text(MODULE)
    (tmp_path / "conf" / "network").mkdir(parents=True)

    def composed(text: str, *words: str) -> dict:
        (tmp_path / "conf" / "network" / "mine.yaml").write_text(text)
        found = words or ("--config-dir", str(tmp_path / "conf"))
        status = main(["problem=heat", "network=mine", *found, "--cfg", "job", "--package", "network"])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        return {name: value for name, value in yaml.safe_load(out).items() if name != "_partial_"}

    return composed


def test_arguments_by_place(compose):
    text = "_target_: pinn.networks.MLP\n_partial_: true\n_args_: [2, 1]\n"
    assert compose(text) == {"_target_": "pinn.networks.MLP", "_args_": [2, 1]}


def test_a_target_that_is_no_function(compose):
    assert compose("_target_: user_networks.shallow\n_partial_: true\nwidth: 7\n")["width"] == 7


def test_annotations_for_type_checkers_alone(compose):
    assert compose("_target_: user_networks.annotated\n_partial_: true\n")["width"] == 5


@pytest.mark.parametrize("name", ["lambda", "x-1"])
def test_keys_that_are_no_names(compose, name):
    assert compose(f"_target_: user_networks.anything\n_partial_: true\n{name}: 3\n")[name] == 3


def test_choices_on_hydras_search_path(compose, tmp_path):
    text = "_target_: pinn.networks.MLP\n_partial_: true\nwidth: 9\n"
    assert compose(text, f"hydra.searchpath=[file://{tmp_path / 'conf'}]")["width"] == 9
