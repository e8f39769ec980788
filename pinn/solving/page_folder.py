"""The page of a run in its folder, from the start: what is killed goes on as it began, whatever is edited since."""

import json
from pathlib import Path

from pinn.basis.disk import write_text
from pinn.basis.errors import UserError, require
from pinn.basis.files import read_text
from pinn.basis.logs import logger
from pinn.basis.pages import Page
from pinn.basis.seals import is_sealed, seal
from pinn.solution_file.soundness import understood

PAGE = "page"  # folder in that of a run
RECORD = "page/page.json"  # module and path of the page, SHA-256 of its sources


def keep_page(folder: Path, page: Page | None) -> None:
    """Write a page's sources to a run's folder; a full disk costs them, not the run."""
    if page is None:
        return
    try:
        for name, text in page.sources.items():
            write_text(folder / PAGE / name, text)
        write_text(
            folder / RECORD, json.dumps({"module": page.module, "path": page.path, "sha256": page.digest}) + "\n"
        )
    except UserError as error:
        logger.warning("the page of the run is not kept: %s", error)
        return
    seal(folder, RECORD)


def kept_page(folder: Path, trust: bool = False) -> Page | None:
    """The page in a run's folder; None where there is none.

    Raises UserError where it is damaged, or, without trust, is not as this user's pinn has written it here.
    """
    record = folder / RECORD
    if not record.is_file():
        return None
    with understood(record):
        told = json.loads(read_text(record))
        files = sorted((folder / PAGE).rglob("*.py"))
        sources = {file.relative_to(folder / PAGE).as_posix(): read_text(file) for file in files}
        page = Page(str(told["module"]), str(told["path"]), sources, folder)
        own = is_sealed(folder, RECORD) and told["sha256"] == page.digest
        changed = f"the page in {folder / PAGE} is not what a run of yours has written there; --trust runs it as it is"
        require(trust or own, changed)
    return page
