"""What the engine freezes is what the trainers read: the two sides share a contract and no code."""

import io

import numpy as np
import pytest
import torch
import trimesh
from safetensors.torch import save

from engine.contracts.cameras import Intrinsics
from engine.contracts.snapshots import ExampleSource
from engine.datasets.services import export_snapshot
from engine.storage.services import put_blob
from tests import factories as make
from tests.integration.datasets.conftest import freeze_now, make_real_request
from training_loop.data import ReadReport, read_raw_samples
from training_loop.samples import decode_sample


def glb(height: float) -> bytes:
    mesh = trimesh.creation.box(extents=(1.0, height, 1.0))
    return bytes(mesh.export(file_type="glb"))


@pytest.mark.django_db
def test_the_trainer_decodes_every_part_of_a_frozen_example(collection, tmp_path) -> None:
    request = make_real_request(collection=collection)
    latents = [torch.full((64, 8), float(index)) for index in range(2)]
    sampled = [
        make.make_candidate(
            request=request, content=glb(0.5 + 0.1 * index), latent_content=save({"shape": latents[index]})
        )
        for index in range(2)
    ]
    retrieved = make.make_candidate(
        request=request,
        generator="retrieval",
        mesh=put_blob(data=glb(0.9), media_type="model/gltf-binary"),
    )
    make.make_rated_selection(request=request, candidates=[retrieved, *sampled])
    make.make_alignment(candidate=retrieved)
    freeze_now()
    paths = [path for path in export_snapshot(iteration=1, to=tmp_path) if path.suffix == ".tar"]

    report = ReadReport()
    (sample,) = [decode_sample(parts) for _, parts in read_raw_samples(paths, report)]

    assert report.damaged == {}
    assert (sample.record.source, sample.record.chosen) == (ExampleSource.MITL, 0)
    assert (sample.mask == make.make_mask()).all()
    assert sample.image.shape == (6, 8, 3)
    assert sample.point_map is not None
    assert np.isfinite(sample.point_map).all()
    assert (sample.record.pose, sample.record.point_map_scale) == (make.POSE, "metric")
    assert sample.record.intrinsics == Intrinsics(fx=10.0, fy=10.0, cx=4.0, cy=3.0, width=8, height=6)
    assert set(sample.latents) == {1, 2}
    by_id = {str(candidate.id): latent for candidate, latent in zip(sampled, latents, strict=True)}
    for candidate in sample.record.candidates[1:]:
        assert torch.equal(sample.latents[candidate.index].x_1, by_id[candidate.candidate_id])
    shape = trimesh.load(io.BytesIO(sample.glbs[0]), file_type="glb", force="mesh")
    assert np.allclose(shape.extents, (1.0, 0.9, 1.0))
    assert {(pair.winner, pair.loser) for pair in sample.record.direct_pairs} == {(0, 1), (0, 2)}
