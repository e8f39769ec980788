"""The gallery: entries of problems that exist, their links lead somewhere, their pictures are small."""

import re
from pathlib import Path

import pytest

from pinn.cli.help import groups

FOLDER = Path(__file__).resolve().parents[2] / "problems"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^## (\w+)$", PAGE, flags=re.MULTILINE)


def test_entries_are_problems_with_picture_equation_error_and_source():
    assert set(ENTRIES) <= set(groups()["problem"])
    for name in ENTRIES:
        section = PAGE.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert f"![{name}](figures/{name}.png)" in section
        assert re.search(r"```\n.+", section), name
        assert re.search(rf"`pinn problem={name}`: error \de-\d\d, \d+ s\.", section), name
        assert re.search(r"^Source: .{20}", section, flags=re.MULTILINE), name
        assert f"| [{name}](#{name}) |" in PAGE


@pytest.mark.parametrize("page", ["README.md", "../README.md"])
def test_links_lead_somewhere(page):
    text = (FOLDER / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links
    for link in links:
        assert ((FOLDER / page).parent / link).is_file(), link


def test_pictures_are_small_and_all_shown():
    pictures = list((FOLDER / "figures").iterdir())
    assert {picture.stem for picture in pictures} == {*ENTRIES, "overview"}
    assert max(picture.stat().st_size for picture in pictures if picture.stem != "overview") < 60_000


@pytest.mark.slow  # a new problem may wait for the next run of the gallery, which takes a quarter of an hour
def test_every_problem_has_its_entry():
    assert set(ENTRIES) == set(groups()["problem"])
