"""What a training run is told: when it stops and in which stages."""

import math
from collections.abc import Sequence

from pinn.basis.configurable import Configurable
from pinn.basis.errors import require
from pinn.optimizers.base import Optimizer
from pinn.trial.making import AUTO


class Training(Configurable):
    """When training stops and what is measured on the way.

    steps: number of steps of a stage; None takes the optimizer's own. time_limit: seconds of the run, from its start to
    its end, in which at least one step is made; None for no limit.
    tolerance: a stage stops at a held-out loss (weighted mean square on fresh points) below this, 0 never.
    windows: of time, trained one after the other: so many of equal length, or `auto`, each as long as it is solved to
    many digits; steps and tolerance are then each window's, the time limit is the run's.
    check_every: steps between two measurements of held-out loss and error. held_out: number of fresh points a
    region. log_every: steps between two log lines. jacobian_chunk: points whose Jacobian rows are held at once, None
    for automatic. checkpoint_seconds: between two checkpoints, 0 for every step, None for the end only.
    """

    def __init__(
        self,
        *,
        steps: int | None = None,
        time_limit: float | None = 75.0,
        tolerance: float = 0.0,
        windows: int | str = 1,
        check_every: int = 10,
        held_out: int = 2000,
        log_every: int = 50,
        jacobian_chunk: int | None = None,
        checkpoint_seconds: float | None = 60.0,
    ) -> None:
        _check_stop("training", steps, time_limit, tolerance)
        whole = isinstance(windows, int) and windows >= 1
        require(whole or windows == AUTO, f"training.windows must be >= 1 or {AUTO}, got {windows}")
        counts = {"check_every": check_every, "held_out": held_out, "log_every": log_every}
        for name, value in counts.items():
            require(value >= 1, f"training.{name} must be >= 1, got {value}")
        require(
            checkpoint_seconds is None or 0 <= checkpoint_seconds < math.inf,
            f"training.checkpoint_seconds must be finite and >= 0 or null, got {checkpoint_seconds}",
        )
        self.steps = steps
        self.time_limit = time_limit
        self.tolerance = tolerance
        self.windows = windows
        self.check_every = check_every
        self.held_out = held_out
        self.log_every = log_every
        self.jacobian_chunk = jacobian_chunk
        self.checkpoint_seconds = checkpoint_seconds

    def stage_steps(self, stage: "Stage") -> int:
        """The number of steps of a stage."""
        return stage.steps or self.steps or stage.optimizer.default_steps


def _check_stop(where: str, steps: int | None, time_limit: float | None, tolerance: float) -> None:
    require(steps is None or steps >= 1, f"{where}.steps must be >= 1 or null, got {steps}")
    require(
        time_limit is None or 0 < time_limit < math.inf,
        f"{where}.time_limit must be positive and finite or null, got {time_limit}",
    )
    require(0 <= tolerance < math.inf, f"{where}.tolerance must be >= 0 and finite, got {tolerance}")


class Stage(Configurable):
    """One optimizer's part of a run.

    steps, time_limit, tolerance: as in `Training`, for this stage; None takes the training's (for steps: the
    optimizer's own). redraw_every: steps between two draws of points, None takes the sampler's,
    and where that is None what suits the optimizer.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        steps: int | None = None,
        time_limit: float | None = None,
        tolerance: float | None = None,
        redraw_every: int | None = None,
    ) -> None:
        require(isinstance(optimizer, Optimizer), f"a stage needs an optimizer, got {optimizer!r}")
        _check_stop("stage", steps, time_limit, tolerance or 0.0)
        require(redraw_every is None or redraw_every >= 0, f"stage.redraw_every must be >= 0, got {redraw_every}")
        self.optimizer = optimizer
        self.steps = steps
        self.time_limit = time_limit
        self.tolerance = tolerance
        self.redraw_every = redraw_every


class Stages(Configurable):
    """Several stages, one after the other: `Stages([Stage(Adam(), steps=500), Stage(LeastDamping())])`.

    A stage that stalls or diverges hands its best parameters to the next.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        require(len(stages) >= 1, "stages must hold at least one stage")
        self.stages = tuple(stages)


def stages_of(optimizer: Optimizer | Stages) -> tuple[Stage, ...]:
    """The stages that an optimizer, which is a single one, or `Stages` mean."""
    return optimizer.stages if isinstance(optimizer, Stages) else (Stage(optimizer),)
