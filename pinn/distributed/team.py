"""The processes that train one network together, and what they tell each other.

Each one draws all the points by the same seed, keeps its share of the rows, and takes the same step from the same sums:
nothing but sums over rows, triangles of J and a few numbers is ever sent.
"""

from abc import ABC, abstractmethod

import torch
import torch.distributed as dist
from torch import Tensor


class Team(ABC):
    """One process's view of the team. All members must call the same methods in the same order.

    rank: this process's number, from 0. size: how many there are.
    """

    rank: int
    size: int

    @abstractmethod
    def summed(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Each tensor's sum over the members, the same bits for all of them."""

    @abstractmethod
    def gathered(self, tensor: Tensor) -> list[Tensor]:
        """The members' tensors, all of one shape, in the order of their ranks."""

    @abstractmethod
    def firsts(self, tensor: Tensor) -> Tensor:
        """The tensor of rank 0."""

    @abstractmethod
    def largest(self, *numbers: float) -> list[float]:
        """The largest of the members' numbers, each for itself."""


class Alone(Team):
    """A team of one."""

    rank = 0
    size = 1

    def summed(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tensors

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        return [tensor]

    def firsts(self, tensor: Tensor) -> Tensor:
        return tensor

    def largest(self, *numbers: float) -> list[float]:
        return list(numbers)


class Ranks(Team):
    """The default process group of torch.distributed. device: where its members' tensors are."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()

    def summed(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])  # one message: each costs its latency
        dist.all_reduce(flat)
        pieces = flat.split([tensor.numel() for tensor in tensors])
        return tuple(piece.view(tensor.shape) for piece, tensor in zip(pieces, tensors, strict=True))

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(self.size)]
        dist.all_gather(parts, tensor.contiguous())
        return parts

    def firsts(self, tensor: Tensor) -> Tensor:
        received = tensor.detach().clone(memory_format=torch.contiguous_format)
        dist.broadcast(received, src=0)
        return received

    def largest(self, *numbers: float) -> list[float]:
        largest = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        return largest.tolist()
