"""What is remembered, and what is forgotten."""

from pinn.basis.memory import Memory


def test_the_oldest_are_forgotten_beyond_the_bound():
    memory = Memory(10)
    memory.keep("a", "first", 4)
    memory.keep("b", "second", 4)
    assert memory["a"] == "first"  # now later than b
    memory.keep("c", "third", 4)
    assert memory["b"] is None
    assert (memory["a"], memory["c"]) == ("first", "third")


def test_a_value_that_is_kept_anew_counts_once():
    memory = Memory(10)
    for size in (4, 6, 5):
        memory.keep("a", size, size)
    memory.keep("b", "other", 5)
    assert (memory["a"], memory["b"]) == (5, "other")


def test_one_value_beyond_the_bound_is_kept_until_the_next():
    memory = Memory(10)
    memory.keep("a", "large", 11)
    assert memory["a"] == "large"
    memory.keep("b", "small", 1)
    assert memory["a"] is None
