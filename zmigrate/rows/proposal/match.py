"""The best assignment of fields to columns: each column gets at most one field, each field one column."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import TypeVar

Left = TypeVar("Left", bound=Hashable)
Right = TypeVar("Right", bound=Hashable)


def best_assignment(scores: Mapping[Left, Mapping[Right, float]]) -> dict[Left, Right]:
    """The pairs with the greatest sum of scores; of equal ones the first. All scores are above 0.

    Columns join one after the other, and pairs change along the path that gains most: the best assignment
    never needs more than one such path for a new column.
    """
    pairs: dict[Left, Right] = {}
    for newcomer in scores:
        _join(newcomer, scores, pairs)
    return pairs


def _join(newcomer: Left, scores: Mapping[Left, Mapping[Right, float]], pairs: dict[Left, Right]) -> None:
    holder = {right: left for left, right in pairs.items()}
    gain: dict[Left, float] = {newcomer: 0.0}
    """The gain if this column loses its field, and those on the way there get another one."""
    came: dict[Right, Left] = {}
    best, end_left, end_right = 0.0, newcomer, None
    waiting = deque([newcomer])
    while waiting:
        left = waiting.popleft()
        if gain[left] > best + 1e-9:
            best, end_left, end_right = gain[left], left, None
        for right, score in scores[left].items():
            if pairs.get(left) == right:
                continue
            other, now = holder.get(right), gain[left] + score
            if other is None:
                if now > best + 1e-9:
                    best, end_left, end_right = now, left, right
                    came[right] = left
                continue
            if now - scores[other][right] > gain.get(other, float("-inf")) + 1e-9:
                gain[other] = now - scores[other][right]
                came[right] = left
                waiting.append(other)
    if best > 0:
        _give_way(newcomer, end_left, end_right, came, pairs)


def _give_way(
    newcomer: Left, left: Left, right: Right | None, came: Mapping[Right, Left], pairs: dict[Left, Right]
) -> None:
    """Change the pairs along the path, from its end back to the newcomer."""
    while True:
        old = pairs.pop(left, None)
        if right is not None:
            pairs[left] = right
        if left == newcomer or old is None:
            return
        left, right = came[old], old
