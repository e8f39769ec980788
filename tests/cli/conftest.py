"""What tests of the command line share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGES = ("heat_sink", "rod")


@pytest.fixture
def folder_of_own(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty working directory; pages of these names in it are imported afresh, and forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for name in PAGES:
        sys.modules.pop(name, None)
