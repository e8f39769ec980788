"""What computed a solution and when, and how it was made."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pinn.networks.corrected import network_configuration
from pinn.solution_file.contents import FIELD_SIZES
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial


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


def full_configuration(trial: TrialFunction | WindowedTrial, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with all constructor arguments of problem and network, defaults included."""
    full = dict(configuration)
    full["problem"] = dict(full.get("problem") or {}) | trial.problem.configuration
    network = network_configuration(trial.network.core, full.get("network") or {})
    return full | ({"network": network} if network else {})


def described(trial: TrialFunction | WindowedTrial) -> dict[str, Any]:
    """How a trial function was made, as root attributes."""
    problem, sizes = trial.problem, trial.windows[0].sizes
    return {
        "title": problem.title,
        "problem": problem.name,
        "comment": problem.statement or None,
        "truth": problem.truth_kind,
        "dtype": str(trial.dtype).removeprefix("torch."),
        "device": str(trial.device),
        "constraints": trial.constraints,
        "derivatives": trial.derivatives,
        "windows": len(trial.windows),
        FIELD_SIZES: json.dumps(sizes) if sizes else None,
        "defined_up_to_constant": " ".join(problem.defined_up_to_constant) or None,
    }
