"""Windows of time whose equations look back: at earlier times they are the windows before them.

With N_before the raw outputs of all windows before the one that begins at t_0, whose network is N_k, it is

    N(x, t) = N_before(x, t) for t < t_0, else what goes on from there (see `pinn.trial.continuation`),

so that an integral over the past, or a delayed quantity, is what it is on the whole domain.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from pinn.derivatives.jets import Jet, Values, stack
from pinn.derivatives.visible import visible
from pinn.trial.continuation import Beginning, Continuation, Piece, Start


class LookingBack(Start):
    """A later window that is also asked for what was before it.

    What was there depends on no parameter that is trained, and is remembered for each set of places.
    """

    def __init__(self, going_on: Continuation) -> None:
        self.going_on = going_on
        self.before, self.replaced = going_on.before, going_on.replaced

    def after(self, before: Sequence[Piece]) -> Start:
        return LookingBack(self.going_on.after(before))

    def goes_on(self, k: int) -> bool:
        return self.going_on.goes_on(k)

    def own(self, x: Values, raw: Values) -> list[Values]:
        return self.going_on.own(x, raw)

    def past(self, x: Jet) -> Tensor:
        return self.going_on.past(x)

    def reached(self, x: Values) -> Values:
        return _held(x, self.going_on.time, self.going_on.start, self.going_on.end)

    def outputs(self, x: Values, raw: Values, past: Tensor | None = None) -> list[Values]:
        if past is not None:  # the window's own points
            return self.going_on.outputs(x, raw, past)
        now = self.going_on.outputs(self.reached(x), raw)
        value = x.value if isinstance(x, Jet) else x
        earlier, is_before = self._before(x), value[:, self.going_on.time] < self.going_on.start
        return [_chosen(is_before, earlier[:, k], column) for k, column in enumerate(now)]

    def _before(self, x: Values) -> Values:
        """The raw outputs (n, m) of the windows before, remembered where the places are no transform's."""
        key = self._key(x)
        known = None if key is None else self.going_on.memory[key]
        if known is not None and isinstance(x, Jet):
            return Jet(known[0], x.channels)
        last, time = self.before[-1], self.going_on.time
        held = _held(x, time, last.end - last.length, last.end) if isinstance(last.start, Beginning) else x
        parameters = {name: values.detach() for name, values in last.network.named_parameters()}
        raw = functional_call(last.network, parameters, (last.start.reached(held),))
        outputs = stack(last.start.outputs(held, raw), -1)
        if key is not None and isinstance(outputs, Jet):
            self.going_on.memory.keep(key, [outputs.coefficients], outputs.coefficients.nbytes)
        return outputs

    def _key(self, x: Values) -> tuple | None:
        if not isinstance(x, Jet):
            return None
        places = visible(x.value)
        if places is None:
            return None
        return places.tobytes(), x.channels, x.dtype, x.device, *(piece.version for piece in self.before)


def _chosen(condition: Tensor, a: Values, b: Values) -> Values:
    """a (n,) where the condition (n,) holds, else b."""
    if isinstance(a, Jet) and isinstance(b, Jet):
        return b.with_coefficients(torch.where(condition, a.coefficients, b.coefficients))
    assert isinstance(a, Tensor) and isinstance(b, Tensor)
    return torch.where(condition, a, b)


def _held(x: Values, time: int, first: float, last: float) -> Values:
    """Points (n, d) at the nearest time of an interval, where a network is not asked for what it has not learnt."""
    value = x.value if isinstance(x, Jet) else x
    excess = (value - value.clamp(first, last)).detach()  # whose derivatives are not x's
    at_time = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device)
    at_time[time] = 1.0
    return x - excess * at_time
