"""The processes of a run on this machine: the one that was started, and those that it starts to share the rows.

The first process is rank 0: it writes, logs and is interrupted; the others only train. All of them stop as one.
"""

import contextlib
import logging
import multiprocessing
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import torch
import torch.distributed as dist

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger
from pinn.distributed.rendezvous import (
    Address,
    found,
    is_launched,
    joined,
    launched_device,
    launched_team,
    left,
    meeting_place,
)
from pinn.distributed.team import Alone, Team

READY, MISTAKE, FAILURE = "ready", "mistake", "failure"  # what a rank tells the first process
LAST_WORDS = 5.0  # seconds in which a rank that fails may say why
SETTLING = 30.0  # seconds that the ranks have to end after the run


@dataclass
class Rank:
    """A process that this one started. told: its last word, what it says about it, and its traceback."""

    number: int
    process: BaseProcess
    line: Connection
    told: tuple[str, str, str] | None = None

    def listen(self, seconds: float) -> None:
        """Wait for a word, for so long at most."""
        with contextlib.suppress(EOFError, OSError):
            if self.line.poll(seconds):
                self.told = self.line.recv()

    def failure(self) -> Exception | None:
        """Why it ended, where it ended before the run's end."""
        kind, text, trace = self.told or (READY, "", "")
        if kind == MISTAKE:
            return UserError(text)
        if kind == FAILURE:
            failure = RuntimeError(f"rank {self.number} failed: {text}")
            failure.add_note(trace)
            return failure
        code = self.process.exitcode
        if code is not None and code != 0:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
            return RuntimeError(f"rank {self.number} {how}; is there enough memory for {self.number + 1} processes?")
        return None


@dataclass
class Crew:
    """The processes of a run. device: this one's. `assemble` waits for the others and makes the team."""

    device: torch.device
    ranks: list[Rank] = field(default_factory=list)
    store: Any = None
    team: Team = field(default_factory=Alone)

    def assemble(self) -> Team:
        """The team, once everyone is there; raises what kept one of them away."""
        for rank in self.ranks:
            while rank.told is None and rank.process.is_alive():
                rank.listen(0.1)
            rank.listen(0.0)
            self._raise_failure(0.0)
        if self.ranks:
            self.team = joined(self.store, Address(self.store.port, 0, 1 + len(self.ranks)), self.device)
            self.announce()
        return self.team

    def announce(self) -> None:
        logger.info("%d processes share the rows, %d threads each", self.team.size, torch.get_num_threads())

    def _raise_failure(self, seconds: float) -> None:
        """Raise the first failure that a rank tells within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            for rank in self.ranks:
                rank.listen(0.0)
                failure = rank.failure()
                if failure is not None:
                    raise failure
            if time.monotonic() >= deadline:
                return
            time.sleep(0.05)

    def explain(self, error: Exception) -> None:
        """Where a sum failed because a rank did, raise that rank's error instead."""
        if self.ranks and not isinstance(error, UserError):
            self._raise_failure(LAST_WORDS)

    def dismiss(self, patience: float) -> None:
        """End the processes that were started: within so many seconds by themselves, then by force."""
        deadline = time.monotonic() + patience
        for rank in self.ranks:
            rank.process.join(max(0.0, deadline - time.monotonic()))
            if rank.process.is_alive():
                rank.process.kill()
                rank.process.join()
            rank.line.close()


@contextlib.contextmanager
def crew_of(devices: Sequence[torch.device], packed: Callable[[], bytes]) -> Iterator[Crew]:
    """Start a process for each device but the first, which is this process's, and end them with the run.

    packed: bytes that `pickle` makes into a function, and that into what has a method `follow(device, join)`.

    Where a launcher started this process as one of several, those are the crew. Raises UserError where the blueprint
    cannot be sent or processes cannot be started here, and a rank's own error where one fails.
    """
    if is_launched():
        require(len(devices) == 1, "a launcher has started the processes of this run (WORLD_SIZE); leave out devices")
        crew, had_group = Crew(launched_device(devices[0])), dist.is_initialized()
        crew.team = launched_team(crew.device)
        crew.announce()
        try:
            yield crew
        except RuntimeError as error:
            if "by peer" in str(error):  # gloo's words for it
                raise RuntimeError("another process of the run failed; its own output says why") from error
            raise
        finally:
            if not had_group:  # one that was there is whoever's that made it
                left()
        return
    threads = torch.get_num_threads()
    crew = Crew(devices[0])
    try:
        if len(devices) > 1:
            torch.set_num_threads(max(1, threads // len(devices)))
            _start(crew, devices, packed)
        yield crew
        crew.dismiss(SETTLING)
    except Exception as error:
        crew.explain(error)
        raise
    finally:
        crew.dismiss(0.0)
        if crew.ranks:
            left()
            torch.set_num_threads(threads)


def _start(crew: Crew, devices: Sequence[torch.device], packed: Callable[[], bytes]) -> None:
    here = multiprocessing.current_process()
    where = "a parallel sweep has started this one; set devices=1 there, or hydra/launcher=basic"
    require(not here.daemon, f"devices={len(devices)} starts processes, which is not possible here: {where}")
    sent = packed()
    crew.store = meeting_place(len(devices))
    context = multiprocessing.get_context("spawn")
    for number in range(1, len(devices)):
        ours, theirs = context.Pipe()
        address = Address(crew.store.port, number, len(devices))
        arguments = (sent, address, devices[number], torch.get_num_threads(), theirs)
        process = context.Process(target=follow, args=arguments, daemon=True, name=f"pinn rank {number}")
        process.start()
        theirs.close()
        crew.ranks.append(Rank(number, process, ours))


def follow(sent: bytes, address: Address, device: torch.device, threads: int, line: Connection) -> None:
    """What a process that was started does: the same training as the first, which alone is told to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):  # of a terminal or a scheduler, which tell all processes
        signal.signal(number, signal.SIG_IGN)
    try:
        torch.set_num_threads(threads)
        logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.CRITICAL)  # all processes would say the same
        work = pickle.loads(sent)()  # from the process that started this one, never from a file

        def join() -> Team:
            line.send((READY, "", ""))
            return joined(found(address), address, device)

        work.follow(device, join)
        left()
    except UserError as error:
        _tell(line, MISTAKE, str(error))
        raise SystemExit(1) from None
    except BaseException as error:
        _tell(line, FAILURE, traceback.format_exception_only(error)[-1].strip(), traceback.format_exc())
        raise SystemExit(1) from None


def _tell(line: Connection, kind: str, told: str, trace: str = "") -> None:
    """What went wrong, to the process that started this one, if it still lives."""
    with contextlib.suppress(OSError):
        line.send((kind, told, trace))
