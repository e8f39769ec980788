"""The pages of a sweep's problems, in its folder: all jobs are of them as they were when it was begun."""

from collections.abc import Sequence
from pathlib import Path

from pinn.basis.logs import logger
from pinn.basis.pages import Page
from pinn.solution.loading import tell_changes
from pinn.solving.page_folder import keep_page, kept_page

PAGES = "pages"  # folder in that of a sweep, with one for each page


def keep_pages(folder: Path, pages: Sequence[Page]) -> None:
    """Write the pages to a sweep's folder, and tell where its jobs were begun with others."""
    for page in pages:
        place = folder / PAGES / page.module
        before = kept_page(place, trust=True)
        if before is not None and before.digest == page.digest:
            continue
        if before is not None:
            told = "%s has changed since the sweep in %s was begun: jobs that are done stay as they are"
            logger.warning(told, page.name, folder)
        keep_page(place, page)


def install_kept_pages(folder: Path, trust: bool) -> None:
    """Have the pages in a sweep's folder take the place of today's, and tell where they differ.

    Raises UserError where one is damaged, or, without trust, is not as this user's pinn has written it here.
    """
    for place in sorted((folder / PAGES).glob("*/")):
        page = kept_page(place, trust)
        if page is not None:
            tell_changes(page, folder)
            page.install()
