"""Where windows of time end: as far as one is solved, by what is left of its equations."""

import math
from dataclasses import dataclass, field
from typing import Any

from pinn.basis.logs import logger

ORDER = 10.0  # by which power of a window's length its defect is taken to grow
SAFETY = 0.9  # of the length that would just do
SHRINK, GROW = (0.1, 0.8), 2.0  # bounds of the factor from one length to the next
WORTH = 1.2  # factor below which the length stays as it is: the same equations are then solved by the same J
UNBOUND = 1.25  # factor where it is not the length that bounds what is in reach
STILL = 1e-2  # of the shortest window, where what is left still falls with its length
GAIN = 0.25  # factor on the defect that halving must bring: a half comes with the length alone
ATTEMPTS, LEAST_ATTEMPTS = 4.0, 1.5  # that a window takes: at first, before any is taken; at least
ENOUGH = 1e3  # times the tolerance, where the time does not suffice for more
FAR, MOST = 4.0, 0.1  # how many times too long beyond which even more is taken, up to this share of what is tolerable
ROUGH = 1e-5  # times what is tolerable, beyond which a defect that does not fall may come from a singular start
FAINT = 1e-6  # defect times share of the whole time up to which a window is taken that starts from something singular
AS_MUCH = 4.0  # times what is lost at such a start, that a later window may lose; more where the time does not suffice
LEVEL = 1.2  # ratio of two defects up to which they are alike
NO_WORSE = 3.0  # factor on the least defect, up to which the shortest window is taken where none is solved


@dataclass
class Cutting:
    """Chooses the lengths of windows, as step sizes of an ODE are chosen: by the defect of the last attempt.

    begin, end: of time. tolerance: defect at which a window is solved. tolerable: that below which it is taken for
    solved where shorter ones gain nothing. shortest: share of the whole time. length: of the next window.
    """

    begin: float
    end: float
    tolerance: float
    tolerable: float
    shortest: float
    length: float = 0.0
    failed: list[list[float]] = field(default_factory=list)  # lengths tried at the present start, with their defects
    reached: float = 0.0  # lowest tolerance that has proved in reach
    searching: bool = False  # whether the next attempt is to look for scales of features; later ones take them over
    searches: int = 0  # of those, where shorter windows gain nothing, how many are left
    forced: bool = False  # whether the next window is taken as it comes
    cheap: bool = True  # whether a window is, so that the first may be cut ever shorter
    lost: float = 0.0  # defect times share of the whole time of a first window that starts from something singular
    growing: bool = True  # whether windows are longer and longer, as after a fast start
    spent: float = 0.0  # seconds on all attempts
    used: float = 0.0  # of those, on windows that were taken

    def __post_init__(self) -> None:
        self.length = self.length or self.end - self.begin

    def next_end(self, start: float) -> float:
        """Where the window ends that begins at a time: as many of one length are left as its length asks for."""
        left = self.end - start
        windows = math.ceil(left / self.length - 0.05)
        return start + left / windows if windows > 1 else self.end

    def judge(self, start: float, end: float, defect: float, seconds: float, left: float) -> bool:
        """Whether a window is solved, or as good as it gets; chooses the next length.

        seconds: that it took. left: for all that comes, 0 where the window was not trained to its end.
        """
        taken = self._is_taken(start, end, defect, seconds, left)
        self.spent, self.used = self.spent + seconds, self.used + seconds * taken
        return taken

    def _is_taken(self, start: float, end: float, defect: float, seconds: float, left: float) -> bool:
        length = end - start
        if self.forced:
            self.forced, self.failed = False, []
            return True
        windows = (self.end - start) / length
        attempts = max(LEAST_ATTEMPTS, self.spent / self.used) if self.used else ATTEMPTS
        needed = attempts * (math.log2(1.0 + windows) if self.growing else windows) * seconds
        affordable = needed < left
        longer = needed / left if left > 0.0 else math.inf  # than the time that is left
        loosened = min(max(longer, 1.0), ENOUGH ** (1.0 / ORDER)) ** ORDER
        if longer > FAR:
            loosened = min(loosened * (longer / FAR) ** ORDER, max(ENOUGH, MOST * self.tolerable / self.tolerance))
        tolerance = max(self.tolerance * loosened, self.reached)
        factor = _factor(tolerance, defect)
        costly = not affordable and self.searches > 1 and not self.searching and defect < self.tolerable
        whole = self.end - self.begin
        lost, singular = defect * length / whole, self.cheap and start == self.begin and not self.searches
        singular = singular and defect > ROUGH * self.tolerable
        if left > 0.0 and tolerance < defect and lost <= AS_MUCH * loosened * self.lost and not self._is_level(defect):
            return self._grown(length)
        if left > 0.0 and defect > self.tolerance and (costly or self._is_not_for_its_length(length, defect)):
            if not singular:
                return self._is_as_good_as_it_gets(length, defect)
            if lost <= FAINT:
                return self._loses(lost, length)
        self.searching = False
        if defect <= tolerance:
            self.reached *= defect > self.tolerance  # what was out of reach may have passed, as a front that forms
            grow = 1.0 if self.failed else GROW
            factor = UNBOUND if tolerance == self.reached and not self.failed else max(factor, 1.0)
            self.growing = _factor(self.tolerance, defect) >= GROW and not self.failed
            factor = min(factor, grow)
            self.length, self.failed = length * (factor if factor >= WORTH else 1.0), []
            return True
        falls = self._falls(length, defect)
        self.failed.append([length, defect])
        self.length = length * min(max(factor, SHRINK[0]), SHRINK[1])
        if length <= self.shortest * whole * (STILL if falls else 1.0):
            if singular and lost <= self.tolerable:
                return self._loses(lost, length)
            self._give_up(start)
        return False

    def _loses(self, lost: float, length: float) -> bool:
        """Take a first window whose defect matters ever less, though it does not fall: the solution is singular."""
        self.lost = lost
        logger.info(
            "windows: what begins at %g is not smooth; a window that loses %.0e there is taken", self.begin, lost
        )
        return self._grown(length)

    def _grown(self, length: float) -> bool:
        """Take a window, and let the next be as much longer as any may be."""
        self.length, self.failed, self.growing = GROW * length, [], True
        return True

    def _give_up(self, start: float) -> None:
        """Take the shortest of the windows that are hardly worse than the best: it starts from something singular."""
        least = min(defect for _, defect in self.failed)
        self.length, defect = min([length, defect] for length, defect in self.failed if defect <= NO_WORSE * least)
        self.forced = True
        told = "windows: none that was tried from %g on is solved; one of length %.1e is the best, its defect %.0e"
        logger.warning(f"{told}; do the conditions agree there?", start, self.length, defect)

    def _is_as_good_as_it_gets(self, length: float, defect: float) -> bool:
        """What to do where shorter windows gain nothing, or cost too much: other scales, then what there is."""
        if self.searches and not self.searching:
            self.searching, self.searches, self.length = True, self.searches - 1, length
            return False
        self.reached, self.searching, self.growing = 2.0 * defect, False, False
        logger.info("windows: shorter ones gain nothing; a defect of %.0e counts as solved from here on", self.reached)
        self.length = max([length, *(longer for longer, worse in self.failed if worse < self.reached)])
        self.failed = []
        return True

    def _is_not_for_its_length(self, length: float, defect: float) -> bool:
        """Whether a longer window at the same start left no more, but for a factor."""
        return defect < self.tolerable and any(
            worse < defect / GAIN ** max(0.0, math.log2(longer / length)) for longer, worse in self.failed
        )

    def _falls(self, length: float, defect: float) -> bool:
        """Whether the last attempt, at a longer window, left so much more that it is the length; or there was none."""
        if not self.failed:
            return True
        longer, worse = self.failed[-1]
        return longer > length and defect < worse * GAIN ** math.log2(longer / length)

    def _is_level(self, defect: float) -> bool:
        """Whether a longer window at the same start left as much: it comes from elsewhere, not from the start."""
        return any(defect < LEVEL * worse and worse < LEVEL * defect for _, worse in self.failed)

    def state(self) -> dict[str, Any]:
        """As a plain tree, for a checkpoint."""
        return dict(vars(self))


def _factor(tolerance: float, defect: float) -> float:
    """On a window's length, for which its defect would be at the tolerance."""
    return SAFETY * (tolerance / max(defect, 1e-4 * tolerance)) ** (1.0 / ORDER)
