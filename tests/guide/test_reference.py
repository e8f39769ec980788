"""The reference of all public names: it has all of them, and Sphinx builds it with the guide."""

import re
import subprocess
from pathlib import Path

import pytest
from pages import GUIDE, PAGES

import pinn

BUILD = Path(__file__).resolve().parents[2] / ".ci" / "docs"


def test_every_public_name_is_there():
    listed = re.findall(r"auto(?:class|function):: pinn\.(\w+)", (GUIDE / "reference.rst").read_text(encoding="utf-8"))
    assert sorted(listed) == pinn.__all__


@pytest.mark.slow
def test_sphinx_builds_the_pages(tmp_path):
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    ran = subprocess.run([BUILD, tmp_path], capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    for page in (*PAGES, "reference"):
        assert (tmp_path / f"{page}.html").is_file(), page
    assert "Dirichlet" in (tmp_path / "reference.html").read_text(encoding="utf-8")
