"""Which photographs no snapshot trains on, so that checkpoints can be measured on them.

A photograph is in or out with all its objects, by its content alone: the same in every iteration, on every machine,
however often it is imported. With a larger share those of a smaller one stay out.
"""

_DIGITS = 13


def is_held_out(sha256: str, share: float) -> bool:
    """Whether the photograph with this digest belongs to the held-out `share` in [0, 1]."""
    drawn = int(sha256[:_DIGITS], 16) / float(1 << 4 * _DIGITS)
    return drawn < share
