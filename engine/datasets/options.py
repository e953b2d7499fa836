"""What a snapshot leaves out by default, recorded in its manifest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FreezeOptions:
    """Choices of one freeze; nothing is deleted by any of them.

    Attributes:
        dpo_loser_generators: a pair is exported only if its loser comes from one of these (paper C.3 removes negatives
            that SAM 3D did not generate; winners may come from anywhere).
        purposes: work items of these purposes become examples; overlap and gold items measure people.
        held_out_share: of the photographs, by their content; what people judged on them is kept and not exported.
        shard_examples, shard_bytes: a shard is closed when it reaches either.

    Source: paper C.3, A.6 Algorithm 1 lines 13 and 14.
    """

    dpo_loser_generators: tuple[str, ...] = ("sam3d",)
    purposes: tuple[str, ...] = ("collect",)
    held_out_share: float = 0.0
    shard_examples: int = 512
    shard_bytes: int = 64 * 2**20
