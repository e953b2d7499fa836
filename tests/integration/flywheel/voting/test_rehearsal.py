"""Scripted people vote through the public API alone, over real HTTP."""

import io

import numpy as np
import pytest
import trimesh
from PIL import Image as Picture

from engine.contracts.glb import MeshPart, fit_to_unit_cube, write_glb
from engine.contracts.masks import encode_mask
from engine.flywheel.voting import advancing
from engine.flywheel.voting.results import results
from engine.rehearsal.client import ApiClient
from engine.rehearsal.people import Annotator
from engine.rehearsal.temperament import Temperament
from engine.workforce.models import Role
from engine.workforce.people import create_person
from tests import factories as make
from tests.evaluations import reply_to, voting

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a good password"


def solid(kind: str) -> bytes:
    mesh = trimesh.creation.icosphere(3) if kind == "round" else trimesh.creation.box((1.0, 0.08, 0.08))
    return write_glb(fit_to_unit_cube([MeshPart(mesh.vertices, mesh.faces)]))


def test_a_crowd_finds_the_model_whose_outlines_fit(live_server):
    rows, columns = np.mgrid[:48, :64]
    disc = (rows - 24) ** 2 + (columns - 32) ** 2 < 18**2
    file = io.BytesIO()
    Picture.fromarray(np.where(disc, 200, 40).astype(np.uint8)).save(file, format="PNG")
    image = make.make_image(content=file.getvalue(), width_px=64, height_px=48)
    mask = encode_mask(disc)
    targets = [
        make.make_target(image=image, mask_counts=list(mask.counts), mask_area_px=mask.area_px) for _ in range(3)
    ]
    evaluation = voting(
        "flat",
        "round",
        targets=targets,
        voters_per_item=2,
        answer=lambda entry: reply_to(entry, content=solid(entry.contender.name)),
    )
    crowd = []
    for seed, name in enumerate(("ann", "bob")):
        create_person(username=name, password=PASSWORD, roles=[Role.ANNOTATOR])
        client = ApiClient(base_url=live_server.url, username=name, password=PASSWORD)
        crowd.append(Annotator(client=client, seed=seed, temperament=Temperament(skip_share=0, lapse_share=0)))
    for person in crowd:
        while person.work_once():
            pass
        person.client.close()
    assert [person.tally["votes"] for person in crowd] == [3, 3]
    advancing.advance_evaluations()
    found = results(advancing.evaluation_with(evaluation.id))
    assert (found["final"], found["vote_count"], found["wins"]) == (True, 6, [[0, 0], [6, 0]])
    assert found["contenders"][1]["elo"] > 200
    assert found["agreement"]["share"] == 1.0
