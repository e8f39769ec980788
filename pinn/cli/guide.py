"""`pinn guide`: the pages that come with the package, one a task."""

import sys
from argparse import Namespace
from importlib.resources import files

from rich.console import Console
from rich.markdown import Markdown

from pinn.basis.errors import UserError
from pinn.cli.near import did_you_mean

CONTENTS = "README"  # the page that lists the others
SUFFIX = ".md"


def guide(given: Namespace) -> None:
    """Print a page of the guide, or what pages there are: typeset on a terminal, elsewhere as it is written."""
    text = page(given.topic or CONTENTS)
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        sys.stdout.write(text)


def page(topic: str) -> str:
    """A page's text in Markdown; raises UserError where there is no such page."""
    known = pages()
    if topic not in known:
        others = [name for name in known if name != CONTENTS]
        told = f"no page {topic!r} in the guide{did_you_mean(topic, others)}; the pages are {', '.join(others)}"
        raise UserError(told)
    return known[topic]


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    entries = sorted(files("pinn").joinpath("guide").iterdir(), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(SUFFIX): entry.read_text(encoding="utf-8")
        for entry in entries
        if entry.name.endswith(SUFFIX)
    }
