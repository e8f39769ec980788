"""A page's source: what is held of it, and that it is made again as it was."""

import sys

import pytest

from pinn.basis.errors import UserError
from pinn.basis.pages import Page, text_of

PAGE = """
import json
from parts.numbers import FIRST
from pinn.basis.pages import Page

class Rod:
    page = Page.of(__name__)
    value = FIRST

    def second(self):
        import second
        return second.SECOND
"""
FILES = {
    "page_of_test.py": PAGE,
    "parts/__init__.py": "",
    "parts/numbers.py": "from .more import FIRST",
    "parts/more.py": "FIRST = 1",
    "parts/unused.py": "",
    "second.py": "SECOND = 2",
    "json.py": "raise ImportError('hidden by the library')",
}
OWN = ("page_of_test", "parts", "parts.numbers", "parts.more", "second")


@pytest.fixture
def page(tmp_path, monkeypatch):
    """The page of a module that is imported from a folder."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    import page_of_test

    yield page_of_test.Rod.page
    for name in OWN:
        sys.modules.pop(name, None)


def test_all_that_it_imports_from_its_folder_is_held(page):
    assert sorted(page.sources) == sorted(name for name in FILES if name not in ("json.py", "parts/unused.py"))
    assert page.sources["page_of_test.py"] == PAGE


def test_as_long_as_nothing_changes_its_modules_are_those_that_are_imported(page):
    assert page.changed == []
    assert page.modules["page_of_test"] is sys.modules["page_of_test"]


def test_what_changes_is_told_and_not_taken(page, tmp_path):
    (tmp_path / "parts" / "more.py").write_text("FIRST = 10", encoding="utf-8")
    assert page.changed == ["parts/more.py"]
    for name in OWN:
        sys.modules.pop(name, None)
    assert page.modules["page_of_test"].Rod.value == 1
    assert page.modules["page_of_test"].Rod.page == page  # as it is kept again
    import page_of_test

    assert page_of_test.Rod.value == 10  # what is imported is today's


def test_where_its_folder_is_gone_its_data_are_looked_for_where_it_is_kept(page, tmp_path):
    for name in OWN:
        sys.modules.pop(name, None)
    gone = Page(page.module, str(tmp_path / "gone" / "page_of_test.py"), page.sources, tmp_path)
    assert gone.modules["page_of_test"].__file__ == str(tmp_path / "page_of_test.py")


def test_installed_its_modules_are_found_when_they_are_imported_late(page, tmp_path):
    (tmp_path / "second.py").write_text("SECOND = 20", encoding="utf-8")
    for name in OWN:
        sys.modules.pop(name, None)
    page.install()
    assert page.is_installed
    assert sys.modules["page_of_test"].Rod().second() == 2


def test_a_script_is_not_run_again(page, tmp_path):
    with pytest.raises(UserError, match="it is a script, and to run it again would solve again: pass problem="):
        _ = Page("__main__", page.path, page.sources).modules


def test_what_fails_is_told_with_the_page(page):
    broken = Page("page_of_test", page.path, {"page_of_test.py": "import nowhere_at_all"})
    with pytest.raises(UserError, match=r"cannot import page_of_test.py as it is kept, .*: No module named 'nowhere"):
        _ = broken.modules


def test_pinn_itself_is_not_read_where_it_lies_beside_the_page(monkeypatch):
    """As in a checkout of it, for this module."""
    read = []
    monkeypatch.setattr("pinn.basis.pages.text_of", lambda path: read.append(path) or text_of(path))
    assert list(Page.of(__name__).sources) == [Page.of(__name__).own]
    assert {path.name for path in read} == {"test_pages.py"}
