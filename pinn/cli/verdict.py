"""`pinn verdict`."""

import json
import math
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from pinn.basis.files import printable
from pinn.cli.strict import doubt
from pinn.report.record import Record, read_record
from pinn.report.show import accuracy_lines
from pinn.solution_file.reading import locate
from pinn.solution_file.soundness import understood


def verdict(given: Namespace) -> None:
    """Print the verdict on each run with its numbers; for programs, an object of JSON a line.

    Raises Doubted with --strict where an answer is neither trusted nor plausible, UserError where one cannot be read.
    """
    records = {str(path): read_record(path) for path in map(locate, given.runs)}
    texts = [_told(path, record, given.json) for path, record in records.items()]
    sys.stdout.write(printable(("" if given.json else "\n").join(texts)))
    doubted = doubt({path: record.accuracy.verdict for path, record in records.items()})
    if given.strict and doubted is not None:
        raise doubted


def _told(path: str, record: Record, json: bool) -> str:
    with understood(Path(path)):
        return _json(path, record) if json else _text(path, record)


def _text(path: str, record: Record) -> str:
    told = [record.attributes.get(name, "") for name in ("problem", "outcome")]
    return "\n".join([path, "  " + ": ".join(filter(None, told)), *accuracy_lines(record), ""])


def _json(path: str, record: Record) -> str:
    run = {"file": path, **{name: record.attributes.get(name) for name in ("problem", "status")}}
    results = {name: result.entries for name, result in record.results.items()}
    return json.dumps(_finite(run | record.accuracy.entries() | {"results": results})) + "\n"


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
