"""The solution file: its layout, written and read without torch."""

from pinn.solution_file.contents import FILE_NAME, FORMAT_VERSION, GROUPS, Contents
from pinn.solution_file.layout import Arrays, replacing, writing
from pinn.solution_file.nodes import Block, Nodes, blocks
from pinn.solution_file.reading import locate, opened, plain, read

__all__ = [
    "FILE_NAME",
    "FORMAT_VERSION",
    "GROUPS",
    "Arrays",
    "Block",
    "Contents",
    "Nodes",
    "blocks",
    "locate",
    "opened",
    "plain",
    "read",
    "replacing",
    "writing",
]
