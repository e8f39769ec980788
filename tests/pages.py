"""What pages in Markdown show: their code, their commands, their links."""

import re
from importlib.resources import files
from pathlib import Path

GUIDE = Path(str(files("pinn"))) / "guide"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(GUIDE.glob("*.md"))}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def python_blocks(text: str) -> list[str]:
    """The page's Python, block by block; what another package's users know is left out."""
    blocks = [block for language, block in FENCE.findall(text) if language == "python"]
    return [block for block in blocks if not re.search(r"import (deepxde|physicsnemo)", block)]


def commands(text: str) -> list[str]:
    """The words after `pinn` of each command line, without prompt and comment."""
    lines = "\n".join(block for language, block in FENCE.findall(text) if language != "python")
    return [line.partition("  #")[0].strip() for line in re.findall(r"^(?:\$ )?pinn(?: (.*))?$", lines, re.MULTILINE)]


def problems(text: str) -> dict[str, str]:
    """File name -> the block that defines that problem: `rod_of_steel.py` of the class RodOfSteel."""
    found = {re.search(r"class (\w+)\(pinn\.Problem\)", block): block for block in python_blocks(text)}
    return {SNAKE.sub("_", match[1]).lower() + ".py": block for match, block in found.items() if match}


def links(text: str) -> list[str]:
    """Relative links, without those within the page."""
    return re.findall(r"\]\(([^)#:]+)\)", text)
