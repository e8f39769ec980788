"""A run: build, train, write."""

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
from pinn.diagnosis import preflight
from pinn.errors import UserError, require
from pinn.logs import logger
from pinn.networks import MLP
from pinn.optimizers import Optimizer, TrustRegion
from pinn.problem import Problem
from pinn.report.closing import closing_table
from pinn.report.points import draw_first_points
from pinn.sampling import Sampler, SobolSampler
from pinn.solution import Output, Solution
from pinn.solving.environment import choose_device, choose_dtype, show_log, writable
from pinn.solving.writing import write
from pinn.training import Outcome, Plan, Stages, TimeMarching, Trainer, Training
from pinn.trial import NetworkFactory, TrialFunction
from pinn.weighting import Weighting
from pinn.windows import WindowedTrial, make_windows, whole_residuals

METRICS = "metrics.jsonl"


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
        constraints: `hard` makes conditions hold exactly where they can, by the problem's ansatz or, where it has none,
            by one derived from its conditions; `soft` makes them terms.
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
    folder = writable(folder)
    show_log()
    training, output = training or Training(), output or Output()
    plan = Plan(
        optimizer or TrustRegion(),
        sampler or SobolSampler(),
        training,
        weights=weights,
        weighting=weighting,
        initial_guess=initial_guess,
        compile=should_compile(compile, training.time_limit),
        seed=seed,
    )
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
        "sampler": plan.sampler,
        "optimizer": plan.optimizer,
        "training": training,
        "output": output,
    }
    started = time.perf_counter()
    torch.manual_seed(seed)
    trial = make_windows(
        problem,
        network or partial(MLP),
        training.windows,
        constraints=constraints,
        derivatives=derivatives,
        dtype=choose_dtype(dtype),
        device=choose_device(device),
    )
    if not resume:
        _look_before(trial.windows[0], plan, folder if output.figures else None)
    trainer, history = _prepare(trial, plan, callbacks, folder, resume)
    outcome = trainer.run()
    told = {"seed": seed, "status": outcome.name.lower(), "outcome": outcome.value}
    solution = Solution(
        trial,
        whole_residuals(trial),
        history=history.columns(),
        points={label: x.cpu().numpy() for label, x in trainer.training_points().items()},
        configuration=configuration or {name: plain(part) for name, part in parts.items()} | settings,
        attributes=told | {"wall_seconds": time.perf_counter() - started},
        output=output,
    )
    files = write(solution, folder, output)
    logger.info("%s", closing_table(solution, files))
    if outcome is Outcome.INTERRUPTED and folder is not None:
        logger.info("continue with: pinn resume %s", folder)
    return solution


def _look_before(trial: TrialFunction, plan: Plan, folder: Path | None) -> None:
    """Pre-flight: findings to the log, and a picture of the first points where there is a folder for it."""
    found = preflight(trial, plan.weights, plan.seed)
    for finding in found.findings:
        logger.warning("pre-flight: %s", finding.text)
    if folder is not None:
        draw_first_points(found, plan.sampler, plan.seed, folder / "figures" / "points.png")


def _prepare(
    trial: TrialFunction | WindowedTrial,
    plan: Plan,
    callbacks: Sequence[Callback],
    folder: Path | None,
    resume: bool,
) -> tuple[Trainer | TimeMarching, History]:
    """What trains, where it starts or where the folder's checkpoint stands, and the history that it will fill."""
    history = History()
    watchers: list[Callback] = [history, Progress(plan.training.log_every), *callbacks]
    if folder is not None:
        watchers = [MetricsFile(folder / METRICS), *watchers, Checkpoints(folder, plan.training.checkpoint_seconds)]
    saved = _checkpoint(folder) if resume else None
    trainer: Trainer | TimeMarching
    if isinstance(trial, WindowedTrial):
        trainer = TimeMarching(trial, plan, watchers, saved=saved)
    else:
        trainer = plan.trainer(trial, saved=saved, callbacks=watchers)
    if saved is not None:
        assert folder is not None
        trainer.check_there_is_more()
        history.records = read_metrics(folder / METRICS, trainer.at.step)
    return trainer, history


def _checkpoint(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        raise UserError("resume needs the folder of the run to be continued")
    return load_tree(folder / CHECKPOINT)
