"""Rows for tests, made through the models: each function fills in what the test does not care about.

Blobs without `content` are rows alone; with `content` they lie in the store too.
"""

import itertools
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.contrib.auth.models import Group
from django.utils import timezone
from numpy.typing import NDArray

from engine.alignment.models import Alignment
from engine.artistry.models import ArtistJob, TriageCase
from engine.contracts.masks import encode_mask
from engine.contracts.poses import Pose
from engine.contracts.serialisation import to_json
from engine.contracts.training import TrainingStage
from engine.flywheel.models import Iteration, ModelVersion
from engine.generation.models import Candidate, Collection, GenerationRequest, GenerationRun
from engine.lifecycle import State
from engine.selection.models import Comparison, Presentation, Selection, Tournament
from engine.sourcing.models import Image, PointMap, TargetObject
from engine.storage.models import Blob
from engine.workforce.models import Judgement, Role, Stage, User, WorkItem

_numbers = itertools.count(1)


def next_number() -> int:
    """A number that no other row of this process has."""
    return next(_numbers)


POSE = Pose(rotation_wxyz=(1.0, 0.0, 0.0, 0.0), translation=(0.0, 0.0, 2.0), scale=(1.0, 1.0, 1.0))


def make_user(*roles: Role, username: str | None = None, password: str = "a good password", **fields: Any) -> User:
    """A person with these roles."""
    user = User.objects.create_user(username=username or f"user{next(_numbers)}", password=password, **fields)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    return user


def make_blob(content: bytes | None = None, *, media_type: str = "application/octet-stream") -> Blob:
    """A row alone (random digest), or with `content` a stored object and its row."""
    if content is None:
        return Blob.objects.create(sha256=secrets.token_hex(32), media_type=media_type, size_bytes=1)
    from engine.storage.services import put_blob

    return put_blob(data=content, media_type=media_type)


def make_image(*, content: bytes | None = None, width_px: int = 8, height_px: int = 6, **fields: Any) -> Image:
    """A photograph; `content` must be a PNG if given."""
    values: dict[str, Any] = {
        "source": f"test/image{next(_numbers)}.png",
        "sharpness": 0.1,
        "contrast": 0.2,
        "brightness": 0.5,
        "perceptual_hash": next(_numbers),
    } | fields
    values.setdefault("blob", None)
    values["blob"] = values["blob"] or make_blob(content, media_type="image/png")
    return Image.objects.create(width_px=width_px, height_px=height_px, **values)


def make_mask(*, height: int = 6, width: int = 8) -> NDArray[np.bool_]:
    """The middle of the image."""
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return mask


def make_point_map(*, image: Image, content: bytes | None = None, **fields: Any) -> PointMap:
    """A metric point map given with the image."""
    values: dict[str, Any] = {
        "scale": "metric",
        "source": "given",
        "fx": 10.0,
        "fy": 10.0,
        "cx": image.width_px / 2,
        "cy": image.height_px / 2,
        "valid_share": 1.0,
    } | fields
    return PointMap.objects.create(image=image, blob=make_blob(content, media_type="application/x-npz"), **values)


def make_target(
    *,
    image: Image | None = None,
    mask: NDArray[np.bool_] | None = None,
    state: State = State.READY,
    **fields: Any,
) -> TargetObject:
    """A target object in any state (no audit row, no service of the next room)."""
    image = image or make_image()
    encoded = encode_mask(make_mask(height=image.height_px, width=image.width_px) if mask is None else mask)
    values: dict[str, Any] = {
        "source": f"mask{next(_numbers)}",
        "mask_counts": list(encoded.counts),
        "mask_area_px": encoded.area_px,
        "category": "mug",
    } | fields
    return TargetObject.objects.create(image=image, state=state, **values)


def make_work_item(*, stage: Stage, target: TargetObject, state: str = "open", **fields: Any) -> WorkItem:
    """One judgement wanted on `target`."""
    values: dict[str, Any] = {"random_key": 0.5} | fields
    if state == WorkItem.State.DONE:
        values.setdefault("done_at", timezone.now())
    return WorkItem.objects.create(stage=stage, subject_id=target.id, state=state, **values)


def make_judgement(*, item: WorkItem, user: User, duration_ms: int = 40_000, **fields: Any) -> Judgement:
    """That `user` answered a work item just now."""
    values: dict[str, Any] = {"fencing_token": 1, "guideline_version": "v1"} | fields
    return Judgement.objects.create(work_item=item, stage=item.stage, user=user, duration_ms=duration_ms, **values)


def make_collection(*, iteration: int = 1, alpha: float = 0.5, closed: bool = False, **fields: Any) -> Collection:
    """The collection of an iteration; open unless `closed`."""
    values: dict[str, Any] = {"suite": {"retrieval": 2, "sam3d": 2}} | fields
    if closed:
        values.setdefault("closed_at", timezone.now())
    return Collection.objects.create(iteration=iteration, alpha=alpha, **values)


def make_request(
    *, target: TargetObject | None = None, collection: Collection | None = None, filled: bool = True, **fields: Any
) -> GenerationRequest:
    """A round of candidates for a target; filled (ended) unless told otherwise."""
    values: dict[str, Any] = {"round": 1} | fields
    if filled:
        values = {"status": GenerationRequest.Status.FILLED, "closed_at": timezone.now()} | values
    return GenerationRequest.objects.create(
        target=target or make_target(),
        collection=collection or Collection.objects.first() or make_collection(),
        **values,
    )


def make_run(*, request: GenerationRequest | None = None, generator: str = "sam3d", **fields: Any) -> GenerationRun:
    """A generator's share of a request; succeeded unless told otherwise."""
    values: dict[str, Any] = {"seeds": [1], "status": GenerationRun.Status.SUCCEEDED} | fields
    return GenerationRun.objects.create(request=request or make_request(), generator=generator, **values)


def make_candidate(
    *,
    request: GenerationRequest | None = None,
    generator: str = "sam3d",
    content: bytes | None = None,
    latent_content: bytes | None = None,
    **fields: Any,
) -> Candidate:
    """A proposed shape of the request (its run is made where there is none); generator `artist` has no run."""
    request = request or make_request()
    run = None
    if generator != "artist":
        run = GenerationRun.objects.filter(request=request, generator=generator).first()
        run = run or make_run(request=request, generator=generator)
    values: dict[str, Any] = {"seed": next(_numbers), "vertex_count": 8, "face_count": 12, "watertight": True} | fields
    if latent_content is not None:
        values["latent"] = make_blob(latent_content, media_type="application/x-safetensors")
    if "mesh" not in values:
        values["mesh"] = make_blob(content, media_type="model/gltf-binary")
    return Candidate.objects.create(target=request.target, run=run, generator=generator, **values)


def make_selection(
    *, request: GenerationRequest, candidates: Sequence[Candidate] = (), purpose: str = "collect", **fields: Any
) -> Selection:
    """An unanswered selection, with one person's tournament among `candidates`, in their order."""
    item = make_work_item(stage=Stage.SELECTION, target=request.target, purpose=purpose)
    selection = Selection.objects.create(work_item=item, target=request.target, request=request, **fields)
    tournament = Tournament.objects.create(selection=selection, annotator=make_user(Role.ANNOTATOR), seed=1)
    Presentation.objects.bulk_create(
        Presentation(tournament=tournament, candidate=candidate, order=order)
        for order, candidate in enumerate(candidates)
    )
    return selection


def make_comparison(*, selection: Selection, winner: Candidate, loser: Candidate) -> Comparison:
    """`winner` (left) was preferred over `loser`."""
    tournament = selection.tournaments.get()
    return Comparison.objects.create(
        tournament=tournament,
        sequence=tournament.comparisons.count(),
        left=winner,
        right=loser,
        answer="left",
        stayed=winner,
    )


def make_rated_selection(
    *,
    request: GenerationRequest,
    candidates: Sequence[Candidate],
    rating: float = 0.8,
    compared: int | None = None,
    purpose: str = "collect",
    **fields: Any,
) -> Selection:
    """A finished selection: the first candidate met the next `compared` ones (all, if not given) and won."""
    winner, *losers = candidates
    values: dict[str, Any] = {
        "winner": winner,
        "rating": rating,
        "rubric_version": "1",
        "alpha": request.collection.alpha,
        "rated_at": timezone.now(),
    } | fields
    selection = make_selection(request=request, candidates=candidates, purpose=purpose)
    values["tournament"] = selection.tournaments.get()
    if values["rating"] < values["alpha"]:
        values.setdefault("failure_reason", "complex_geometry")
    for name, value in values.items():
        setattr(selection, name, value)
    selection.save()
    WorkItem.objects.filter(id=selection.work_item_id).update(state="done", done_at=timezone.now())
    for loser in losers[:compared]:
        make_comparison(selection=selection, winner=winner, loser=loser)
    return selection


def make_alignment(
    *, candidate: Candidate, pose: Pose | None = POSE, point_map: PointMap | None = None, **fields: Any
) -> Alignment:
    """A submitted pose, or with `pose=None` and `not_alignable=…` a submitted refusal."""
    target = candidate.target
    now = timezone.now()
    values: dict[str, Any] = {"submitted_at": now, "prepared_at": now} | fields
    values.setdefault("point_cloud", None)
    values["point_cloud"] = values["point_cloud"] or make_blob()
    point_map = point_map or target.image.point_maps.first() or make_point_map(image=target.image)
    return Alignment.objects.create(
        work_item=make_work_item(stage=Stage.ALIGNMENT, target=target, state="done"),
        target=target,
        candidate=candidate,
        point_map=point_map,
        pose=to_json(pose) if pose else None,
        **values,
    )


def make_artist_job(*, target: TargetObject | None = None, accepted: Candidate | None = None) -> ArtistJob:
    """A job for an artist; with `accepted` it ended with that candidate."""
    target = target or (accepted.target if accepted else make_target(state=State.WITH_ARTIST))
    case = TriageCase.objects.create(
        target=target, failure_reason="complex_geometry", decision="chosen", decided_at=timezone.now()
    )
    item = make_work_item(stage=Stage.ARTIST, target=target, state="done" if accepted else "open")
    return ArtistJob.objects.create(
        work_item=item,
        case=case,
        target=target,
        state=ArtistJob.State.ACCEPTED if accepted else ArtistJob.State.WANTED,
        accepted=accepted,
        accepted_by=make_user(Role.REVIEWER) if accepted else None,
        accepted_at=timezone.now() if accepted else None,
    )


def make_model_version(*, name: str | None = None, promoted: bool = False, **fields: Any) -> ModelVersion:
    """A checkpoint; a pretrained one unless told otherwise."""
    values: dict[str, Any] = {"stage": TrainingStage.PRETRAIN.value, "recipe": "mini_pretrain"} | fields
    if promoted:
        values.setdefault("promoted_at", timezone.now())
    if "checkpoint" not in values:
        values["checkpoint"] = make_blob(media_type="application/x-safetensors")
    return ModelVersion.objects.create(name=name or f"version{next(_numbers)}", promoted=promoted, **values)


def make_iteration(*, number: int = 1, alpha: float = 0.5, **fields: Any) -> Iteration:
    """An iteration that collects."""
    return Iteration.objects.create(number=number, alpha=alpha, **fields)
