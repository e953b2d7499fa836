"""Nobody who judges can learn where a shape comes from: every operation of the API, asked as an annotator asks it."""

import itertools
import re
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import trimesh
from drf_spectacular.generators import SchemaGenerator
from rest_framework.renderers import JSONRenderer

from engine.alignment import assistance
from engine.alignment.models import Alignment
from engine.contracts.glb import MeshPart, read_glb, write_glb
from engine.contracts.splats import MEDIA_TYPE as SPLAT_MEDIA_TYPE
from engine.contracts.splats import write_splat
from engine.flywheel.models import ModelVersion
from engine.flywheel.voting.models import Contender, Entry, Evaluation, EvaluationItem, EvaluationSet, Vote, Voting
from engine.flywheel.voting.registering import ContenderPlan
from engine.generation.models import Candidate, GenerationRun
from engine.lifecycle import State
from engine.selection import services
from engine.selection.models import Comparison, Tournament
from engine.sourcing.models import Image, TargetObject
from engine.storage.models import Blob
from engine.workforce.models import Role
from tests import factories as make
from tests.desks import BallotDesk, Desk
from tests.evaluations import reply_to, voting
from tests.integration.alignment.conftest import open_alignment, sent  # noqa: F401
from tests.splats import some_splat

pytestmark = pytest.mark.django_db

WRITES = ("post", "put", "patch", "delete")
GENERATORS = ("sam3d", "retrieval", "text_to_3d", "image_to_3d")


def painted(shade: int) -> bytes:
    """A box whose colours and parts tell who made it."""
    box = trimesh.creation.box((1.0, 0.5 + shade / 10, 1.0))
    colors = np.full((8, 3), 10 * shade, np.uint8)
    return write_glb([MeshPart(box.vertices, box.faces[:6], colors=colors), MeshPart(box.vertices, box.faces[6:])])


@pytest.fixture
def work(open_alignment: Any, handed_over: Any) -> dict[str, Any]:  # noqa: F811
    """A selection, a choice of textures as splats, and a pose wanted; everything has names that must stay inside."""
    version = make.make_model_version(name="k7-dpo-secret", promoted=True)
    make.make_iteration(number=7)
    alignment: Alignment = open_alignment()
    image = alignment.target.image
    for modality in ("shape", "texture"):
        target = make.make_target(image=image, state=State.SELECTING, source=f"secret-masks/{modality}.png")
        fields: dict[str, Any] = {}
        if modality == "texture":
            shape = make.make_candidate(request=make.make_request(target=target), content=painted(0))
            fields = {"modality": modality, "shape": shape, "shape_pose": {}, "shape_intrinsics": {}}
        request = make.make_request(target=target, **fields)
        for number, generator in enumerate(GENERATORS):
            make.make_candidate(
                request=request,
                generator=generator,
                content=painted(number),
                seed=9_000_000_000_000 + make.next_number(),
                model_version_id=version.id,
                parameters={"prompt": "secret-prompt"},
                splat=make.make_blob(write_splat(some_splat(20, seed=number)), media_type=SPLAT_MEDIA_TYPE)
                if modality == "texture"
                else None,
            )
        services.open_selection(target_id=target.id)
    plans = [
        ContenderPlan(name="secret-k7", generator="sam3d", model_version="k7-dpo-secret"),
        ContenderPlan(name="secret-library", generator="retrieval"),
    ]
    voting(name="secret-evaluation", contenders=plans, targets=[alignment.target], seeds=[9_000_000_000 % 2**31])
    return {"alignment": alignment}


def secrets_of_the_engine() -> set[str]:
    """Whatever would tell one candidate from another, or where anything comes from."""
    columns: list[Any] = [
        Candidate.objects.values_list("id", flat=True),
        Candidate.objects.values_list("seed", flat=True).filter(seed__gt=10**6),
        Candidate.objects.values_list("generator", flat=True),
        GenerationRun.objects.values_list("id", flat=True),
        GenerationRun.objects.values_list("request_id", flat=True),
        ModelVersion.objects.values_list("id", flat=True),
        ModelVersion.objects.values_list("name", flat=True),
        Tournament.objects.values_list("seed", flat=True).filter(seed__gt=10**6),
        Comparison.objects.exclude(coin_seed=None).values_list("coin_seed", flat=True),
        Image.objects.values_list("source", flat=True),
        TargetObject.objects.values_list("source", flat=True),
        Blob.objects.values_list("sha256", flat=True),
        Evaluation.objects.values_list("id", flat=True),
        EvaluationSet.objects.values_list("name", flat=True),
        EvaluationItem.objects.values_list("seed", flat=True).filter(seed__gt=10**6),
        Contender.objects.values_list("id", flat=True),
        Entry.objects.values_list("id", flat=True),
        Voting.objects.values_list("seed", flat=True).filter(seed__gt=10**6),
        Vote.objects.exclude(coin_seed=None).values_list("coin_seed", flat=True),
    ]
    return {str(value) for column in columns for value in column} | {"secret-"}


def bodies_of(operation: dict[str, Any], tokens: dict[str, Any]) -> list[dict[str, Any]]:
    """What may be sent: nothing, nonsense, and the schema's own examples with a good token."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = [example["value"] for example in content.get("examples", {}).values()]
    return [{}, {"token": "x"}, *({**example, **tokens} for example in examples)]


@pytest.mark.timeout(300)  # every operation of the API, for two people
def test_no_answer_of_the_api_tells_where_a_shape_comes_from(
    work: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistance, "PATIENCE_SECONDS", 0.1)  # no worker runs that could answer
    ann = Desk(make.make_user(Role.ANNOTATOR, username="ann"))
    bob = Desk(make.make_user(Role.ANNOTATOR, username="bob"))
    for desk in (ann, bob):
        desk.most_queries = 12
    tasks = [ann.post("/api/v1/selections/claim", {"prefetch": True}).json() for _ in range(2)]
    posed = ann.post("/api/v1/alignments/claim").json()
    ballot = ann.post("/api/v1/ballots/claim").json()
    assert {task["modality"] for task in tasks} == {"shape", "texture"}
    known: dict[str, list[str]] = {
        "work_item": [posed["work_item"], *(task["work_item"] for task in (*tasks, ballot)), str(uuid4())],
        "presentation": [task["candidates"][0]["presentation_id"] for task in (*tasks, ballot)],
        "evaluation": [str(Evaluation.objects.get().id)],
        "token": re.findall(r"/api/v1/blobs/([^\"?]+)", "\n".join(ann.seen))[:3],
        "target": [str(work["alignment"].target_id)],
        "page": ["selection"],
        "number": ["7"],
        "place": ["1"],
    }
    known["work_item_id"] = known["work_item"]
    visited = 0
    # What ends a task comes last.
    schema = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for path, operations in sorted(
        schema.items(), key=lambda entry: entry[0].endswith(("/submit", "/skip", "/release"))
    ):
        names = re.findall(r"{(\w+)}", path)
        choices = itertools.product(*(known.get(name, [str(uuid4())]) for name in names))
        for chosen in choices:
            url = path.format(**dict(zip(names, chosen, strict=True)))
            for verb, operation in operations.items():
                visited += 1
                for desk in (ann, bob):
                    if verb in WRITES:
                        for body in bodies_of(operation, {"token": tasks[0]["token"]}):
                            send(desk, verb, url, body)
                    else:
                        desk.get(url)
    assert visited >= sum(len(operations) for operations in schema.values())

    everything = "\n".join([*ann.seen, *bob.seen])
    secrets = secrets_of_the_engine()
    assert len(secrets) > 60
    assert [secret for secret in secrets if secret in everything] == []


def send(desk: Desk, verb: str, url: str, body: dict[str, Any]) -> None:
    """Ask in JSON, whatever comes back."""
    headers = {"Idempotency-Key": str(uuid4())}
    response = desk.client.generic(
        verb.upper(), url, JSONRenderer().render(body), content_type="application/json", headers=headers
    )
    desk.seen += [str(dict(response.items())), response.content.decode(errors="replace")]


def test_meshes_and_splats_carry_geometry_and_nothing_else(work: dict[str, Any]) -> None:
    desk = Desk(make.make_user(Role.ANNOTATOR))
    shapes = textures = 0
    for task in (desk.post("/api/v1/selections/claim", {"prefetch": True}).json() for _ in range(2)):
        for candidate in task["candidates"]:
            parts = read_glb(desk.get(candidate["mesh_url"]).body)
            if task["modality"] == "shape":
                assert [(part.colors, part.texture_png, part.base_color) for part in parts] == [
                    (None, None, (190,) * 3)
                ]
                assert candidate["splat_url"] is None
                assert desk.get(candidate["mesh_url"].replace("/mesh", "/splat")).status_code == 404
                shapes += 1
            else:
                assert parts[0].colors is not None
                splat = desk.get(candidate["splat_url"])
                assert splat["Content-Type"] == SPLAT_MEDIA_TYPE
                assert b"comment" not in splat.body
                textures += 1
    assert (shapes, textures) == (4, 4)


def test_what_voters_are_sent_is_geometry_and_nothing_else(work: dict[str, Any]) -> None:
    """By colours and parts one could tell a generator: shapes come in one piece, grey."""
    voting("ada", "bea", answer=lambda entry: reply_to(entry, content=painted(entry.contender.position)))
    desk = BallotDesk(make.make_user(Role.ANNOTATOR))
    for _ in range(2):
        task = desk.claim()
        for candidate in task["candidates"]:
            (part,) = read_glb(desk.get(candidate["mesh_url"]).body)
            assert (part.colors, part.texture_png, part.base_color) == (None, None, (190,) * 3)
        desk.hand_in(desk.vote_all(task))
    everything = "\n".join(desk.seen)
    assert [secret for secret in secrets_of_the_engine() if secret in everything] == []
