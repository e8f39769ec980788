"""How the processes of a run find each other."""

import os
import socket
import sys
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from pinn.basis.errors import UserError, require
from pinn.distributed.team import Ranks

PATIENCE = timedelta(minutes=30)  # for a member that compiles, or writes a large file

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """Where a member of a team on this machine finds the others: a port, its own number and theirs."""

    port: int
    rank: int
    size: int


def is_launched() -> bool:
    """Whether a launcher (torchrun, submitit) started this process as one of several, or a program of the user's."""
    return dist.is_initialized() or int(os.environ.get("WORLD_SIZE", "1")) > 1


def take_scheduled_rank() -> None:
    """Set torch.distributed's variables where this process is one of several of a submitit job."""
    if "submitit" not in sys.modules:  # which starts processes by functions of its own
        return
    from submitit import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    try:
        tasks = JobEnvironment().num_tasks
    except RuntimeError:  # outside a job, such as where jobs are submitted
        return
    if tasks > 1:
        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)


def launched_rank() -> int:
    """This process's number among those that a launcher started; 0 where it is the only one."""
    if dist.is_initialized():
        return dist.get_rank()
    return int(os.environ.get("RANK", "0")) if is_launched() else 0


def launched_device(device: torch.device) -> torch.device:
    """The device of a launched process: the GPU of its number on its machine, where the device is any GPU.

    The only one where it is shown no more, as schedulers do that hand out GPUs by the process. Raises UserError where
    there are fewer than processes.
    """
    if device.type != "cuda" or device.index is not None:
        return device
    number, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    require(count == 1 or number < count, f"process {number} of this machine has no GPU: torch sees {count}")
    return torch.device("cuda", 0 if count == 1 else number)


def launched_team(device: torch.device) -> Ranks:
    """The team of the processes that the launcher started: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say which.

    Raises UserError where they do not find each other.
    """
    _use(device)
    if not dist.is_initialized():
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
        require(not missing, f"WORLD_SIZE is set, {', '.join(missing)} not: start it by torchrun, or unset WORLD_SIZE")
        try:
            dist.init_process_group(_backend(device), timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            told = str(error).splitlines()[0]
            raise UserError(f"the processes of the launcher did not find each other at {where}: {told}") from error
    return Ranks(device)


def meeting_place(size: int) -> dist.TCPStore:
    """Where the members of a team on this machine meet: a port that is free, which other machines cannot reach.

    torch itself would listen on every interface, and whoever connects is believed.
    """
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    return dist.TCPStore(HOST, port, size, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach())


def found(address: Address) -> dist.TCPStore:
    """The meeting place as another member sees it."""
    return dist.TCPStore(HOST, address.port, address.size, is_master=False)


def joined(store: dist.TCPStore, address: Address, device: torch.device) -> Ranks:
    """The team on this machine, once all its members are there; they talk by its loopback interface alone."""
    _use(device)
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if loopback else ():
        os.environ[variable] = str(loopback)
    dist.init_process_group(_backend(device), store=store, rank=address.rank, world_size=address.size, timeout=PATIENCE)
    return Ranks(device)


def left() -> None:
    """Leave the team, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _use(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)


def _backend(device: torch.device) -> str:
    return "nccl" if device.type == "cuda" else "gloo"
