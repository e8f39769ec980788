"""A run: build, train, write."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pinn.basis.configurable import plain
from pinn.basis.disk import held
from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger
from pinn.diagnosis.preflight import preflight
from pinn.diagnosis.verdict import GENERAL, Word
from pinn.distributed.rendezvous import launched_rank
from pinn.optimizers.automatic import Automatic
from pinn.optimizers.base import Optimizer
from pinn.problem import Problem
from pinn.report.closing import closing_table
from pinn.report.points import draw_first_points
from pinn.residuals.windowed import whole_residuals
from pinn.sampling.base import Sampler
from pinn.solution.beforehand import check_output
from pinn.solution.output import Output
from pinn.solution.solution import Solution
from pinn.solution_file.soundness import understood
from pinn.solving.blueprint import Blueprint
from pinn.solving.choosing import Choice, Trained, quick_trial, resumed
from pinn.solving.commands import wider
from pinn.solving.crew import crew_of
from pinn.solving.device import choose_devices, show_log, writable
from pinn.solving.examination import Examination, examine, judge
from pinn.solving.methods import Method
from pinn.solving.modes import modes_of
from pinn.solving.page_folder import keep_page
from pinn.solving.tried import TRIED, forget, seconds_before
from pinn.solving.writing import attempt, write
from pinn.training.callbacks.checkpoints import Checkpoints
from pinn.training.callbacks.history import METRICS, History, MetricsFile, read_metrics
from pinn.training.callbacks.progress import Progress
from pinn.training.checkpoint import FILE_NAME as CHECKPOINT
from pinn.training.clock import Clock
from pinn.training.interruption import Interruption
from pinn.training.plan import Plan
from pinn.training.run import Callback, Outcome
from pinn.training.settings import Stages, Training
from pinn.training.weighting import Weighting
from pinn.trial.function import NetworkFactory, TrialFunction
from pinn.trial.windows import WindowedTrial, settled

LARGEST_SEED = 2**62  # with room for those that are made from it


def solve(
    problem: Problem,
    network: NetworkFactory | None = None,
    optimizer: Optimizer | Stages | Automatic | None = None,
    sampler: Sampler | None = None,
    training: Training | None = None,
    *,
    constraints: str = "hard",
    derivatives: str = "taylor",
    probes: int = 16,
    weights: Mapping[str, float] | None = None,
    weighting: Weighting | None = None,
    initial_guess: str | None = None,
    compile: str = "auto",
    scaling: str = "auto",
    seed: int = 0,
    dtype: str = "float64",
    device: str = "auto",
    devices: int | Sequence[int] = 1,
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
        optimizer, sampler, training: default the method that measures best (see `pinn.solving.methods`), Sobol points,
            a minute or so.
        constraints: `hard` makes conditions hold exactly where they can, by the problem's ansatz or, where it has none,
            by one derived from its conditions; `soft` makes them terms.
        derivatives: `taylor`, `reverse` (torch.func) or `auto` (taylor where every operation has a rule); `hutchinson`
            and `stde` estimate Laplacians in training from so many `probes` a point, >= 2, random directions or axes.
        weights: term -> weight in the loss, 1 where not named. weighting: changes them while training.
        initial_guess: `linear` starts from a fit of the last layer, `features` chooses the scales of random features, a
            path starts from that solution's parameters.
        compile: `auto` starts the kernels of each evaluation on a GPU at once, as a CUDA graph (`graphs`); elsewhere it
            compiles elementwise functions (`always`) in runs of three minutes or more. `never` does neither.
        scaling: `auto` measures the sizes of fields and equations, where they are far from one, and solves in units of
            these; a problem's `scales` override it, `none` leaves all as it is written.
        seed: of every source of randomness, >= 0.
        dtype: `float64` or `float32`. device: `auto` (CUDA where there is one), `cpu`, `cuda`, `cuda:1`.
        devices: processes that share the points: so many, on as many GPUs where `device` is one, or the GPUs of these
            numbers.
        output: what is written; default a grid by dimension, with figures.
        folder: where given, metrics.jsonl, checkpoint.h5, solution.h5, solution.vtkhdf and figures/ are written there.
        callbacks: called beside the progress display.
        configuration: the resolved configuration to be stored; default: that of the objects passed.
        resume: continue from the folder's checkpoint; at the run's end its results are written again.

    Raises:
        UserError: a setting, the problem's equations or the folder are at fault; the message says what to try.
    """
    given = locals()
    _require_problem_and_seed(problem, seed)
    leads = launched_rank() == 0
    saved = _to_resume(folder) if resume else None
    folder = writable(folder) if leads else None
    show_log(leads)
    interruption = Interruption()
    with held(folder) if folder else contextlib.nullcontext(), interruption.watched():
        if folder is not None and saved is None:
            _clear(folder)
            keep_page(folder, problem.page)
        plan = Plan.of(given).measured()
        return _solved(plan, output or Output(), folder, callbacks, configuration, interruption, saved)


def _require_problem_and_seed(problem: Any, seed: Any) -> None:
    require(isinstance(problem, Problem), f"problem must be an instance of a Problem subclass, got {problem!r}")
    require(isinstance(seed, int) and seed >= 0, f"seed must be an integer >= 0, got {seed!r}")
    require(seed < LARGEST_SEED, f"seed must be below 2**62, which generators take, got {seed}")


def _solved(
    plan: Plan,
    output: Output,
    folder: Path | None,
    callbacks: Sequence[Callback],
    configuration: Mapping[str, Any] | None,
    interruption: Interruption,
    saved: Path | None,
) -> Solution:
    """Train, examine, write and tell."""
    started, before = time.perf_counter(), seconds_before(saved)
    found = _trained(plan, output, folder, callbacks, interruption, saved, started)
    examined = _examined(plan, found, output, started)
    solution = _solution(plan, found, examined, output, configuration, started - before)
    files = write(solution, folder, output, interruption)
    if launched_rank() == 0:
        logger.info("%s", closing_table(solution, files))
    if folder is not None:
        _conclude(folder, found.outcome, interruption)
    return solution


def _trained(
    plan: Plan,
    output: Output,
    folder: Path | None,
    callbacks: Sequence[Callback],
    interruption: Interruption,
    saved: Path | None,
    started: float,
) -> Trained:
    """By the plan's method or the best of several; from what is saved in a folder, where one is given."""
    train = partial(_train, folder, callbacks, output, interruption)
    if saved is not None and not (isinstance(plan.optimizer, Automatic) and (saved / TRIED).is_dir()):
        return resumed(plan, output, saved, started, train)
    recall = partial(_train, None, (), None, interruption)
    return Choice(plan, output, folder, started, train, recall, interruption, again=saved is not None).best()


def _clear(folder: Path) -> None:
    """Remove what a run that was in a folder before would be continued from: a new one begins there."""
    forget(folder)
    (folder / CHECKPOINT).unlink(missing_ok=True)


def _conclude(folder: Path, outcome: Outcome, interruption: Interruption) -> None:
    """After all is written: what was kept for a continuation goes, or how to continue is told."""
    if outcome is not Outcome.INTERRUPTED:
        forget(folder)
    if interruption.requested:
        logger.info("continue with: pinn resume %s", folder)


def _examined(plan: Plan, found: Trained, output: Output, started: float) -> Examination:
    """What a run's end says of it, with what a quick trial saw to help; of an interrupted one its record alone."""
    if launched_rank() > 0 or found.outcome is Outcome.INTERRUPTED:
        return Examination(found.trial, judge(found.trial, found.history))
    examined = examine(found.trial, found.run, found.method.plan, found.history, found.stages, output)
    if examined.verdict.action in GENERAL:
        examined = examined.advised(wider(found.method.plan))
    if examined.verdict.word.is_good or found.run.interruption.requested or examined.verdict.word is Word.ILL_POSED:
        return examined
    spent = time.perf_counter() - started
    return examined.advised(
        quick_trial(plan, found, output, spent, partial(_train, None, (), None, found.run.interruption))
    )


def _solution(
    plan: Plan,
    found: Trained,
    examined: Examination,
    output: Output,
    configuration: Mapping[str, Any] | None,
    started: float,
) -> Solution:
    """What is saved. configuration: the user's, None for that of the plan. started: when, were its parts one."""
    told = configuration or plan.configuration | {"output": plain(output)}
    if isinstance(plan.optimizer, Automatic):  # what was chosen; the network is the trial function's to tell
        told = {key: value for key, value in told.items() if key != "network"} | found.method.plan.configuration
    outcome, run = found.outcome, found.run
    modes = attempt("the eigenfunctions", partial(modes_of, found.trial, plan, output), run.interruption)
    return Solution(
        examined.trial,
        whole_residuals(examined.trial),
        history=found.history.columns(),
        points={label: x.cpu().numpy() for label, x in run.training_points().items()},
        diagnosis=examined.diagnosis,
        estimate=examined.missing,
        modes=modes,
        results=examined.results,
        configuration=told,
        attributes={"seed": plan.seed, "status": outcome.name.lower(), "outcome": run.shortfall or outcome.value}
        | ({"window_ends": list(found.trial.ends)} if isinstance(found.trial, WindowedTrial) else {})
        | ({"eigenvalues": run.at.eigenvalues} if run.at.eigenvalues else {})
        | examined.attributes
        | {"wall_seconds": time.perf_counter() - started},
        output=output,
    )


def _train(
    folder: Path | None,
    callbacks: Sequence[Callback],
    output: Output | None,
    interruption: Interruption,
    method: Method,
    clock: Clock,
    saved: Path | None = None,
    looking: bool = False,
) -> Trained:
    """Train by a method, watched, and recorded in the folder where there is one.

    output: of the run, None for a trial that writes none. clock: of the method's time. saved: the folder of the run
    that is continued. looking: whether to look at the problem first.
    """
    plan, history, leads = method.plan, History(), launched_rank() == 0
    blueprint = Blueprint(plan, saved, clock)
    with crew_of(choose_devices(plan.devices, plan.device), blueprint.packed) as crew:
        trial = blueprint.trial(crew.device)
        if output is not None:
            check_output(trial.windows[0], output)
        hopeless = looking and _look_before(
            trial.windows[0], plan, folder if output and output.figures else None, interruption
        )
        watchers = _watchers(history, plan.training, callbacks, folder) if leads else [history]
        run = blueprint.training(trial, crew.assemble(), watchers, interruption)
        if saved is not None:
            with understood(saved / METRICS):
                history.records = read_metrics(saved / METRICS, run.at.step)
        outcome = run.run()
    return Trained(method, settled(trial), run, history, outcome, is_hopeless=hopeless)


def _look_before(trial: TrialFunction, plan: Plan, folder: Path | None, interruption: Interruption) -> bool:
    """Pre-flight: findings to the log, and a picture of the first points where there is a folder for it.

    Whether the problem has no solution.
    """
    before = preflight(trial, plan.weights, plan.seed, plan.sizes)
    for finding in before.findings:
        logger.warning("pre-flight: %s", finding.text)
    if folder is not None:
        figure = folder / "figures" / "points.png"
        draw = partial(draw_first_points, before, plan.sampler, plan.seed, figure)
        attempt("the figure of the points", draw, interruption)
    return before.is_hopeless


def _watchers(
    history: History, training: Training, callbacks: Sequence[Callback], folder: Path | None
) -> list[Callback]:
    """The history, the progress display and the user's callbacks; the files of a folder around them."""
    watchers: list[Callback] = [history, Progress(training.log_every), *callbacks]
    if folder is None:
        return watchers
    return [MetricsFile(folder / METRICS), *watchers, Checkpoints(folder, training.checkpoint_seconds)]


def _to_resume(folder: Path | str | None) -> Path:
    if folder is None:
        raise UserError("resume needs the folder of the run to be continued")
    return Path(folder)
