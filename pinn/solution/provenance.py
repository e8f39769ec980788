"""What computed a solution, and when."""

from __future__ import annotations

import importlib.metadata
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch


def provenance() -> dict[str, str]:
    """What computed a solution, and when (UTC): `git_commit` is that of pinn's own checkout, else `unknown`."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    version = pinn_version()
    return {
        "created": created,
        "history": f"{created} computed by pinn {version}",
        "source": f"pinn {version}",
        "pinn_version": version,
        "torch_version": torch.__version__,
        "git_commit": git_commit(),
    }


def pinn_version() -> str:
    """The version of the installed package."""
    try:
        return importlib.metadata.version("pinn")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def git_commit() -> str:
    """The commit of the checkout that pinn runs from, with `-dirty` where files differ; `unknown` outside one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    try:
        described = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return described.stdout.strip() or "unknown"
