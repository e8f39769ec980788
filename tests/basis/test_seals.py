"""Seals: what this user has written is known again, and nothing else is."""

import json
import os
import stat
from pathlib import Path

import pytest

from pinn.basis.seals import FILE_NAME, is_sealed, seal


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "pinn" / "key"


@pytest.fixture
def folder(tmp_path, state):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("first")
    (folder / "b").write_text("first")
    seal(folder, "a")
    return folder


def test_what_was_written_here_is_known_again_elsewhere_on_the_disk(folder, tmp_path):
    assert is_sealed(folder, "a")
    seal(folder, "b")
    moved = folder.rename(tmp_path / "moved")
    assert is_sealed(moved, "a")
    assert is_sealed(moved, "b")


def test_what_was_changed_or_named_otherwise_is_not(folder):
    assert not is_sealed(folder, "b")
    (folder / "b").write_text("other")
    codes = json.loads((folder / FILE_NAME).read_text())
    (folder / FILE_NAME).write_text(json.dumps(codes | {"b": codes["a"]}))
    assert not is_sealed(folder, "b")
    (folder / "b").write_text("first")
    assert not is_sealed(folder, "b")  # the name is a part of what is sealed
    (folder / "a").write_text("changed")
    assert not is_sealed(folder, "a")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": "é"}', "[" * 9999])
def test_what_a_stranger_seals_does_not_count(folder, text):
    (folder / FILE_NAME).write_text(text)
    assert not is_sealed(folder, "a")


def test_the_key_is_the_users_alone(folder, state):
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    state.chmod(0o644)  # others have read it
    assert not is_sealed(folder, "a")
    state.unlink()
    assert not is_sealed(folder, "a")
    seal(folder, "a")  # by a new key
    assert is_sealed(folder, "a")


def test_without_a_place_for_a_key_nothing_is_sealed(folder, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    seal(folder, "b")
    assert not is_sealed(folder, "a")
    assert not is_sealed(folder, "b")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    os.makedirs(tmp_path / "home")
    seal(folder, "b")
    assert is_sealed(folder, "b")
    assert (tmp_path / "home" / ".local" / "state" / "pinn" / "key").is_file()
