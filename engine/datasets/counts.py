"""What a snapshot holds and what it left out, counted along the walk."""

from collections import Counter
from typing import Any

from engine.datasets.judgements import BELOW_ALPHA, Judged


class Counts:
    """Running totals; memory does not grow with the snapshot."""

    def __init__(self) -> None:
        self.judged = 0
        self.examples = 0
        self.posed = 0
        self.negatives = 0
        self.negatives_kept = 0
        self.dropped: Counter[str] = Counter()
        self.by_source: Counter[str] = Counter()
        self.by_iteration: Counter[str] = Counter()
        self.by_generator: Counter[str] = Counter()
        self.by_model_version: Counter[str] = Counter()
        self.pairs_exported: Counter[str] = Counter()
        self.pairs_kept: Counter[str] = Counter()
        self.pairs_dropped: Counter[str] = Counter()
        self.textures = 0
        self.textures_kept = 0
        self.texture_pairs: Counter[str] = Counter()

    @property
    def below_alpha(self) -> int:
        """Judged targets whose rating is under the bar."""
        return self.dropped[BELOW_ALPHA]

    def add(self, judged: Judged) -> None:
        """Count one judgement. A loser is counted once per judgement, however many it lost to."""
        self.judged += 1
        for pair in judged.pairs:
            self.pairs_kept[pair.kind] += 1
            if pair.exported:
                self.pairs_exported[pair.kind] += 1
            else:
                self.pairs_dropped[pair.reason_dropped] += 1
        self.textures_kept += judged.texture is not None
        self.negatives_kept += len({pair.loser.id for pair in judged.pairs})
        self.negatives += len({pair.loser.id for pair in judged.pairs if pair.exported})
        if judged.reason_dropped:
            self.dropped[judged.reason_dropped] += 1
            return
        self.examples += 1
        self.posed += judged.pose is not None
        if judged.texture is not None and judged.texture.exported:
            self.textures += 1
            self.texture_pairs.update(pair.kind for pair in judged.texture.pairs if pair.exported)
        self.by_source[judged.source.value] += 1
        self.by_iteration[str(judged.iteration)] += 1
        self.by_generator[judged.chosen.generator] += 1
        if judged.chosen.model_version_id:
            self.by_model_version[str(judged.chosen.model_version_id)] += 1

    def to_json(self) -> dict[str, Any]:
        """The manifest's `counts`: `exported` is in the shards, `kept` is in the Parquet indices."""
        return {
            "judged": self.judged,
            "examples": self.examples,
            "examples_posed": self.posed,
            "examples_dropped": dict(self.dropped),
            "examples_by_source": dict(self.by_source),
            "examples_by_iteration": dict(self.by_iteration),
            "examples_by_generator": dict(self.by_generator),
            "examples_by_model_version": dict(self.by_model_version),
            "textures": {
                "exported": self.textures,
                "kept": self.textures_kept,
                "direct_pairs": self.texture_pairs["direct"],
                "inferred_pairs": self.texture_pairs["inferred"],
            },
            "negatives": {"exported": self.negatives, "kept": self.negatives_kept},
            "pairs": {
                "direct": {"exported": self.pairs_exported["direct"], "kept": self.pairs_kept["direct"]},
                "inferred": {"exported": self.pairs_exported["inferred"], "kept": self.pairs_kept["inferred"]},
                "dropped": dict(self.pairs_dropped),
            },
        }
