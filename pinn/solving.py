"""From a problem to its solution, in one call."""

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pinn.callbacks import Callback, Checkpoints, History, MetricsFile, Progress, read_metrics
from pinn.checkpoint import FILE_NAME as CHECKPOINT
from pinn.checkpoint import load_tree
from pinn.compilation import should_compile
from pinn.configurable import plain
from pinn.constraints import make_residuals
from pinn.errors import UserError, require
from pinn.initial_guess import set_initial_guess
from pinn.logs import logger
from pinn.networks import MLP
from pinn.optimizers import Optimizer, TrustRegion
from pinn.problem import Problem
from pinn.report.closing import closing_table
from pinn.report.figures import draw_solution, draw_training
from pinn.sampling import Sampler, SobolSampler
from pinn.solution import Output, Solution
from pinn.training import Outcome, Stages, Trainer, Training
from pinn.trial import NetworkFactory, make_trial
from pinn.weighting import Weighting

METRICS = "metrics.jsonl"
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def solve(
    problem: Problem,
    network: NetworkFactory | None = None,
    optimizer: Optimizer | Stages | None = None,
    sampler: Sampler | None = None,
    training: Training | None = None,
    *,
    constraints: str = "hard",
    derivatives: str = "taylor",
    weights: Mapping[str, float] | None = None,
    weighting: Weighting | None = None,
    initial_guess: str | None = None,
    compile: str = "auto",
    seed: int = 0,
    dtype: str = "float64",
    device: str = "auto",
    output: Output | None = None,
    folder: Path | str | None = None,
    callbacks: Sequence[Callback] = (),
    configuration: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> Solution:
    """Train a network to satisfy `problem` and return the solution.

    Args:
        problem: the equation with its domain and conditions.
        network: a callable (inputs=, outputs=) -> nn.Module; default three hidden layers of 20 tanh units.
        optimizer, sampler, training: default a trust region, Sobol points, a minute or so.
        constraints: `hard` uses the problem's ansatz, so that conditions hold exactly; `soft` makes them terms.
        derivatives: `taylor`, `reverse` (torch.func) or `auto` (taylor where every operation has a rule).
        weights: term -> weight in the loss, 1 where not named. weighting: changes them while training.
        initial_guess: `linear` starts from a fit of the last layer, `features` chooses the scales of random features, a
            path starts from that solution's parameters.
        compile: `auto` compiles elementwise functions in runs of three minutes or more, `always`, `never`.
        seed: of every source of randomness, >= 0.
        dtype: `float64` or `float32`. device: `auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`.
        output: what is written; default a grid by dimension, with figures.
        folder: where given, metrics.jsonl, checkpoint.h5, solution.h5, solution.vtkhdf and figures/ are written there.
        callbacks: called beside the progress display.
        configuration: the resolved configuration to be stored; default: that of the objects passed.
        resume: continue from the folder's checkpoint.

    Raises:
        UserError: a setting, the problem's equations or the folder are at fault; the message says what to try.
    """
    require(isinstance(problem, Problem), f"problem must be an instance of a Problem subclass, got {problem!r}")
    require(isinstance(seed, int) and seed >= 0, f"seed must be an integer >= 0, got {seed!r}")
    optimizer, sampler = optimizer or TrustRegion(), sampler or SobolSampler()
    training, output = training or Training(), output or Output()
    settings = {
        "seed": seed,
        "dtype": dtype,
        "device": device,
        "constraints": constraints,
        "derivatives": derivatives,
        "initial_guess": initial_guess,
        "compile": compile,
    }
    parts = {
        "problem": problem,
        "sampler": sampler,
        "optimizer": optimizer,
        "training": training,
        "output": output,
    }
    folder = _writable(folder)
    show_log()
    started = time.perf_counter()
    torch.manual_seed(seed)
    trial = make_trial(
        problem,
        network or partial(MLP),
        constraints=constraints,
        derivatives=derivatives,
        dtype=choose_dtype(dtype),
        device=choose_device(device),
    )
    residuals = make_residuals(
        trial,
        weights=weights,
        chunk=training.jacobian_chunk,
        compile=should_compile(compile, training.time_limit),
        seed=seed,
    )
    if not resume:
        set_initial_guess(residuals, initial_guess, sampler, seed)
    history = History()
    watchers: list[Callback] = [history, Progress(training.log_every), *callbacks]
    if folder is not None:
        watchers = [MetricsFile(folder / METRICS), *watchers, Checkpoints(folder, training.checkpoint_seconds)]
    trainer = Trainer(residuals, optimizer, sampler, training, seed=seed, callbacks=watchers, weighting=weighting)
    if resume:
        _restore(trainer, history, folder)
    outcome = trainer.run()
    solution = Solution(
        trial,
        residuals,
        history=history.columns(),
        points={label: points.x.cpu().numpy() for label, points in trainer.points.items()},
        configuration=configuration or {name: plain(part) for name, part in parts.items()} | settings,
        attributes={
            "seed": seed,
            "status": outcome.name.lower(),
            "outcome": outcome.value,
            "wall_seconds": time.perf_counter() - started,
        },
        output=output,
    )
    files = write(solution, folder, output)
    logger.info("%s", closing_table(solution, files))
    if outcome is Outcome.INTERRUPTED and folder is not None:
        logger.info("continue with: pinn resume %s", folder)
    return solution


def _restore(trainer: Trainer, history: History, folder: Path | None) -> None:
    """Put the trainer and the history where the folder's checkpoint stands."""
    if folder is None:
        raise UserError("resume needs the folder of the run to be continued")
    trainer.restore(load_tree(folder / CHECKPOINT))
    history.records = read_metrics(folder / METRICS, trainer.at.step)


def write(solution: Solution, folder: Path | None, output: Output) -> list[Path]:
    """The solution file first, then figures, which may fail without loss; the paths that were written."""
    if folder is None:
        return []
    files = [solution.save(folder / "solution.h5", output)]
    if output.figures:
        figures = folder / "figures"
        figures.mkdir(exist_ok=True)
        for draw, name in ((draw_solution, "solution.png"), (draw_training, "training.png")):
            draw(files[0], figures / name)
            files.append(figures / name)
    return files


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one. Raises UserError where it does not exist."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}") from None
    missing = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    count = torch.cuda.device_count()
    require(not missing, f"device {name!r} does not exist: torch sees {count} CUDA devices; try device=cpu")
    return device


def choose_dtype(name: str) -> torch.dtype:
    """float64 or float32 by name; raises UserError for others."""
    require(name in DTYPES, f"dtype must be {' or '.join(DTYPES)}, got {name!r}")
    return DTYPES[name]


def show_log() -> None:
    """Outside an application that has set up logging, such as in a notebook, show the log on standard error."""
    if not logger.hasHandlers():
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


def _writable(folder: Path | str | None) -> Path | None:
    """The output folder, made and tried before training; raises UserError where it cannot be written."""
    if folder is None:
        return None
    folder = Path(folder)
    trial_file = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial_file.touch()
        trial_file.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write to the folder {folder}: {error.strerror or error}; choose another (hydra.run.dir=...)"
        ) from None
    return folder
