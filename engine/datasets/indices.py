"""The two Parquet indices of a snapshot, written row group by row group. Imports pyarrow: never at web start-up.

`examples.parquet` has a row for every judgement, `pairs.parquet` one for every pair, those that the shards leave out
included: `exported` and `reason_dropped` say so.
"""

from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from engine.contracts.generation import Modality
from engine.datasets.judgements import Judged, JudgedPair

ROW_GROUP_ROWS = 4096

EXAMPLES = pa.schema(
    [
        ("example_id", pa.string()),
        ("target_id", pa.string()),
        ("image_sha256", pa.string()),
        ("source", pa.string()),
        ("iteration", pa.int32()),
        ("category", pa.string()),
        ("rating", pa.float64()),
        ("rubric_version", pa.string()),
        ("candidate_id", pa.string()),
        ("generator", pa.string()),
        ("model_version_id", pa.string()),
        ("seed", pa.int64()),
        ("posed", pa.bool_()),
        ("point_map_scale", pa.string()),
        ("point_map_source", pa.string()),
        ("direct_pairs", pa.int32()),
        ("inferred_pairs", pa.int32()),
        ("texture_candidate_id", pa.string()),
        ("texture_generator", pa.string()),
        ("texture_rating", pa.float64()),
        ("texture_exported", pa.bool_()),
        ("judged_at", pa.timestamp("us", tz="UTC")),
        ("exported", pa.bool_()),
        ("reason_dropped", pa.string()),
        ("shard", pa.string()),
    ]
)
PAIRS = pa.schema(
    [
        ("example_id", pa.string()),
        ("target_id", pa.string()),
        ("modality", pa.string()),
        ("kind", pa.string()),
        ("winner_candidate_id", pa.string()),
        ("winner_generator", pa.string()),
        ("winner_model_version_id", pa.string()),
        ("loser_candidate_id", pa.string()),
        ("loser_generator", pa.string()),
        ("loser_model_version_id", pa.string()),
        ("rating", pa.float64()),
        ("exported", pa.bool_()),
        ("reason_dropped", pa.string()),
    ]
)


class ParquetIndex:
    """A Parquet file that takes rows one by one and holds at most one row group in memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.row_count = 0
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append one row."""
        self._rows.append(row)
        self.row_count += 1
        if len(self._rows) == ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()


def example_row(judged: Judged, *, shard: str) -> dict[str, Any]:
    """The judgement's row of `examples.parquet`; `shard` is the file that holds it, or empty."""
    kinds = [pair.kind for pair in judged.pairs if pair.exported]
    texture = judged.texture
    return {
        "example_id": str(judged.example_id),
        "target_id": str(judged.target.id),
        "image_sha256": judged.target.image.blob_id,
        "source": judged.source.value,
        "iteration": judged.iteration,
        "category": judged.target.category or None,
        "rating": judged.rating,
        "rubric_version": judged.rubric_version,
        "candidate_id": str(judged.chosen.id),
        "generator": judged.chosen.generator,
        "model_version_id": _text(judged.chosen.model_version_id),
        "seed": judged.chosen.seed,
        "posed": judged.pose is not None,
        "point_map_scale": judged.point_map.scale if judged.point_map else None,
        "point_map_source": judged.point_map.source if judged.point_map else None,
        "direct_pairs": kinds.count("direct"),
        "inferred_pairs": kinds.count("inferred"),
        "texture_candidate_id": str(texture.chosen.id) if texture else None,
        "texture_generator": texture.chosen.generator if texture else None,
        "texture_rating": texture.rating if texture else None,
        "texture_exported": judged.exported and texture.exported if texture else None,
        "judged_at": judged.judged_at,
        "exported": judged.exported,
        "reason_dropped": judged.reason_dropped,
        "shard": shard,
    }


def pair_rows(judged: Judged) -> list[dict[str, Any]]:
    """The judgement's rows of `pairs.parquet`: pairs of shapes, then pairs of textures of the chosen one."""
    rows = [_pair_row(judged, pair, Modality.SHAPE, rating=judged.rating) for pair in judged.pairs]
    texture = judged.texture
    if texture is None:
        return rows
    return rows + [_pair_row(judged, pair, Modality.TEXTURE, rating=texture.rating) for pair in texture.pairs]


def _pair_row(judged: Judged, pair: JudgedPair, modality: Modality, *, rating: float) -> dict[str, Any]:
    # A texture goes nowhere without its shape.
    reason = pair.reason_dropped or judged.reason_dropped
    return {
        "example_id": str(judged.example_id),
        "target_id": str(judged.target.id),
        "modality": modality.value,
        "kind": pair.kind,
        "winner_candidate_id": str(pair.winner.id),
        "winner_generator": pair.winner.generator,
        "winner_model_version_id": _text(pair.winner.model_version_id),
        "loser_candidate_id": str(pair.loser.id),
        "loser_generator": pair.loser.generator,
        "loser_model_version_id": _text(pair.loser.model_version_id),
        "rating": rating,
        "exported": not reason,
        "reason_dropped": reason,
    }


def _text(value: object) -> str | None:
    return str(value) if value else None
