"""Named derivatives of any order: Taylor mode and the torch.func reference."""
