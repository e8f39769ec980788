"""The words of commands, `network.width=16`: keys, values, and the keys in which several commands differ."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def by_key(words: Sequence[str]) -> dict[str, str]:
    """Key -> text of each word; a group added by `+` or of another package goes by its name."""
    pairs = [str(word).partition("=") for word in words]
    return {key.lstrip("+"): text for key, _, text in pairs}


def value_of(text: str) -> Any:
    """A word's value: `16` and `1e-6` are numbers, quotes are taken off; the text where it is nothing else."""
    try:
        value = yaml.safe_load(text)
        return float(text) if isinstance(value, str) else value  # YAML 1.1 takes 1e-3 for text
    except yaml.YAMLError:
        return text
    except ValueError:
        return value


def differing(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Key -> the value in each of the settings, of the keys in which they differ; None where one has no such key."""
    keys = dict.fromkeys(key for each in settings for key in each)
    columns = {key: [each.get(key) for each in settings] for key in keys}
    return {key: values for key, values in columns.items() if len(set(map(str, values))) > 1}
