"""Hydra's ways to write several values, as optuna's distributions."""

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from pinn.basis.errors import UserError


def distribution(override: Override) -> BaseDistribution:
    """Of `a,b` the two, of `range(0,10)` its whole numbers, of `interval(0.1,1)` all between; `tag(log,...)`: in log.

    Raises UserError where the range is empty.
    """
    swept = override.value()
    logarithmic = "log" in getattr(swept, "tags", ())
    try:
        if isinstance(swept, IntervalSweep):
            low, high = swept.start, swept.end
            assert low is not None
            assert high is not None
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=logarithmic)
            return FloatDistribution(low, high, log=logarithmic)
        if isinstance(swept, RangeSweep) and not swept.shuffle:
            values = list(swept.range())
            if all(isinstance(value, int) for value in values):
                step = 1 if logarithmic else abs(int(swept.step))
                return IntDistribution(min(values), max(values), step=step, log=logarithmic)
        return CategoricalDistribution([str(text) for text in override.sweep_iterator(transformer=Transformer.encode)])
    except ValueError as error:
        raise UserError(f"cannot search {override.input_line}: {error}") from error
