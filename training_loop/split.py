"""Which shapes may be trained on: the one place that says so.

Two things keep a shape out of training: its category (held out whole, or in the tail) and its instance seed (odd seeds
are never trained on). So there are four sets: `train`; `heldout`, new instances of known categories; `unseen`, new
instances of everyday categories that training never draws; and `tail`, the same for unusual ones.
"""

from typing import Literal

from training_loop.shape_library import CATEGORIES

Split = Literal["train", "heldout", "unseen", "tail"]
SPLITS: tuple[Split, ...] = ("train", "heldout", "unseen", "tail")

HELDOUT_CATEGORIES: tuple[str, ...] = ("bench", "hat", "horse", "kettle", "monitor", "pear", "scissors", "truck")
TAIL_CATEGORIES: tuple[str, ...] = ("cactus", "guitar", "headphones", "pineapple", "toilet", "umbrella")
TRAIN_CATEGORIES: tuple[str, ...] = tuple(
    name for name in CATEGORIES if name not in HELDOUT_CATEGORIES + TAIL_CATEGORIES
)

CATEGORIES_OF: dict[Split, tuple[str, ...]] = {
    "train": TRAIN_CATEGORIES,
    "heldout": TRAIN_CATEGORIES,
    "unseen": HELDOUT_CATEGORIES,
    "tail": TAIL_CATEGORIES,
}


def instance_seed(split: Split, number: int) -> int:
    """The `number`-th instance seed of a split: even for training, odd for everything that measures."""
    return 2 * number + (split != "train")


def split_of(category: str, seed: int) -> Split:
    """Which set an instance belongs to; even seeds of held-out categories belong to their set as well."""
    if category in TAIL_CATEGORIES:
        return "tail"
    if category in HELDOUT_CATEGORIES:
        return "unseen"
    return "heldout" if seed % 2 else "train"
