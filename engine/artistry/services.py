"""What Stage 2.5 does: decides which hard cases are worth an artist, hands them out, reviews the meshes (paper A.3)."""

from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models, transaction
from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from engine.artistry.models import ArtistJob, MeshUpload, TriageCase
from engine.artistry.statements import RECEIVE_UPLOAD
from engine.artistry.uploads import check_soon, quarantine
from engine.contracts.serialisation import to_json
from engine.errors import Conflict, Forbidden, NotFound, Unprocessable
from engine.generation import services as generation
from engine.generation.models import Candidate
from engine.layouts import parse_pose
from engine.lifecycle import Move
from engine.selection import services as selection
from engine.selection.models import FailureReason, Selection, SelectionQuerySet
from engine.sourcing import services as sourcing
from engine.sourcing.models import PointMap, TargetObject
from engine.storage.models import Blob
from engine.storage.services import blob_ref
from engine.workforce import services as workforce
from engine.workforce.models import Role, Stage, User, WorkItem
from engine.workforce.permissions import has_role

SHOWN_ATTEMPTS = 3
RETURNED_BAND = 0  # a mesh that came back is finished before new ones are begun


class NoSuchCase(NotFound):
    """There is no triage case of this id."""

    code = "no_such_case"


class CaseDecided(Conflict):
    """Somebody decided about the case before."""

    code = "case_decided"


class NotADuplicate(Unprocessable):
    """A case can only be the duplicate of a case about another object."""

    code = "not_a_duplicate"


class NoSuchJob(NotFound):
    """There is no such job, or it is not the caller's."""

    code = "no_such_job"


class NoSuchUpload(NotFound):
    """The job has no such upload, or none that the caller may see."""

    code = "no_such_upload"


class UploadNotUsable(Unprocessable):
    """Only a mesh that was checked can be submitted."""

    code = "upload_not_usable"


class NoCamera(Unprocessable):
    """A pose needs the camera of a point map."""

    code = "no_camera"


class NothingToReview(Conflict):
    """The job is not waiting for a reviewer."""

    code = "nothing_to_review"


class OwnWork(Forbidden):
    """A reviewer does not judge their own mesh."""

    code = "own_work"


@dataclass(frozen=True)
class ArtistTask:
    """A job as its holder sees it. `attempts` are the ratings of the best winners so far, best first."""

    job: ArtistJob
    work_item: WorkItem
    attempts: list[float]
    point_map: PointMap | None
    uploads: list[dict[str, Any]]

    @property
    def target(self) -> TargetObject:
        """The object in the photograph."""
        return self.job.target


@transaction.atomic
def open_triage(*, target_id: UUID) -> TriageCase:
    """Put a target that no generator solved before the reviewers, with the reason that the last rating gave."""
    why = selection.rejected(target_id=target_id).values("failure_reason")[:1]
    case = TriageCase.objects.create(
        target_id=target_id, failure_reason=Coalesce(Subquery(why), Value(FailureReason.OTHER.value))
    )
    del case.failure_reason  # the database knows it; whoever asks reads it
    return case


@transaction.atomic
def choose(*, actor: User, case_id: UUID, note: str = "") -> TriageCase:
    """Decide that a case is worth an artist's time.

    Raises:
        NoSuchCase, CaseDecided.
    """
    case = _decide(case_id, TriageCase.Decision.CHOSEN, decided_by=actor, note=note)
    sourcing.move_target(target_id=case.target_id, move=Move.CHOOSE, actor=actor, case=str(case_id), note=note)
    return case


@transaction.atomic
def shelve(*, actor: User, case_id: UUID, note: str = "", duplicate_of: UUID | None = None) -> TriageCase:
    """Decide that a case is not worth it now, or a duplicate of another; a later collection may ask again.

    Raises:
        NoSuchCase, CaseDecided.
        NotADuplicate: the other case is about the same object, or there is none.
    """
    if duplicate_of is not None:
        own_target = TriageCase.objects.filter(id=case_id).values("target_id")
        if not TriageCase.objects.filter(id=duplicate_of).exclude(target_id__in=own_target).exists():
            raise NotADuplicate(
                f"{duplicate_of} is no case about another object.",
                what_to_do="Give the id of the case that it repeats.",
            )
    case = _decide(case_id, TriageCase.Decision.SHELVED, decided_by=actor, note=note, duplicate_of_id=duplicate_of)
    facts: dict[str, Any] = {"case": str(case_id), "note": note, "duplicate_of": duplicate_of and str(duplicate_of)}
    sourcing.move_target(target_id=case.target_id, move=Move.SHELVE, actor=actor, **facts)
    return case


@transaction.atomic
def open_artist_job(*, target_id: UUID) -> ArtistJob:
    """Want one mesh from an artist, on the case that was chosen last."""
    case = TriageCase.objects.filter(target_id=target_id, decision=TriageCase.Decision.CHOSEN).latest("decided_at")
    item = workforce.create_work_item(stage=Stage.ARTIST, subject_id=target_id)
    return ArtistJob.objects.create(work_item=item, case=case, target_id=target_id)


@transaction.atomic
def claim(*, user: User) -> ArtistTask | None:
    """Lease the next job to `user`; None where none waits."""
    claimed = workforce.claim(user=user, stage=Stage.ARTIST)
    if claimed is None:
        return None
    return _task(_jobs().get(work_item_id=claimed.work_item.id), claimed.work_item)


def task_of(*, user: User, work_item_id: UUID) -> ArtistTask:
    """Return the job that `user` holds.

    Raises:
        NoSuchJob: the user does not hold it.
    """
    job = _held_job(user, work_item_id)
    return _task(job, job.work_item)


def attempt_mesh(*, user: User, work_item_id: UUID, place: int) -> Blob:
    """Return the mesh of an attempt that the holder of the job is shown (0: the best).

    Raises:
        NoSuchJob: the user does not hold it, or it has no such attempt.
    """
    attempts = list(_attempts(_held_job(user, work_item_id).target_id).select_related("winner__mesh"))
    winner = attempts[place].winner if place < len(attempts) else None
    if winner is None:
        raise NoSuchJob(f"This job shows {len(attempts)} attempts.")
    return winner.mesh


def quarantine_upload(*, user: User, work_item_id: UUID, file: BinaryIO, size_bytes: int) -> Blob:
    """Store the file that the holder of a job sends, before the transaction that takes it in (`receive_upload`).

    Raises:
        NoSuchJob: the user does not hold the job.
        UploadTooLarge, UploadEmpty.
    """
    _held_job(user, work_item_id)
    return quarantine(file=file, size_bytes=size_bytes)


@transaction.atomic
def receive_upload(*, user: User, work_item_id: UUID, original: Blob, file_name: str) -> MeshUpload:
    """Take a quarantined file in and have it checked. Several may be sent; the submit says which one counts.

    Raises:
        NoSuchJob: the user does not hold the job.
    """
    received = MeshUpload.objects.raw(
        RECEIVE_UPLOAD,
        {
            "id": uuid4(),
            "job": work_item_id,
            "user": user.pk,
            "original": original.pk,
            "file_name": file_name[-255:],
            "now": timezone.now(),
        },
    )
    upload: MeshUpload | None = next(iter(received), None)
    if upload is None:
        raise _no_such_job(work_item_id)
    transaction.on_commit(lambda: check_soon(upload_id=upload.id))
    return upload


def upload_of(*, user: User, work_item_id: UUID, upload_id: UUID) -> MeshUpload:
    """Return an upload, for the artist who holds or submitted the job, or for a reviewer.

    Raises:
        NoSuchUpload.
    """
    upload = (
        MeshUpload.objects.select_related("canonical", "job__work_item")
        .filter(id=upload_id, job_id=work_item_id)
        .first()
    )
    if upload is not None:
        people = {upload.job.work_item.holder_id, upload.job.submitted_by_id}
        if user.pk in people or has_role(user, Role.REVIEWER):
            return upload
    raise NoSuchUpload("There is no such upload for you.", what_to_do="Use the id that the upload answered with.")


@transaction.atomic
def submit(
    *,
    user: User,
    work_item_id: UUID,
    token: int,
    upload_id: UUID,
    pose: dict[str, Any] | None,
    duration_ms: int,
    guideline_version: str,
) -> ArtistJob:
    """Finish a job with a checked mesh, posed or not; a reviewer comes next.

    Raises:
        LeaseSuperseded: another person holds the item now; the uploads stay.
        UploadNotUsable: not checked yet, refused, or of another job.
        InvalidPose, NoCamera: the pose cannot be used.
    """
    workforce.submit(
        user=user,
        work_item_id=work_item_id,
        token=token,
        duration_ms=duration_ms,
        guideline_version=guideline_version,
        stage=Stage.ARTIST,
    )
    sent = MeshUpload.objects.filter(id=upload_id, job_id=work_item_id).select_related("job__target__image")
    upload = sent.first()
    if upload is None or upload.status != MeshUpload.Status.USABLE:
        raise UploadNotUsable(
            f"The upload is {upload.status}{upload.problem and ': ' + upload.problem}."
            if upload
            else "This job has no such upload.",
            what_to_do="Wait until it is usable, or send another file.",
        )
    job = upload.job
    checked = None
    if pose is not None:
        point_map = PointMap.objects.newest(image_id=job.target.image_id)
        if point_map is None:
            raise NoCamera("The photograph has no point map yet.", what_to_do="Submit the mesh without a pose.")
        checked = to_json(parse_pose(pose, intrinsics=sourcing.intrinsics_of(point_map)))
    _move(
        job,
        from_state=ArtistJob.State.WANTED,
        state=ArtistJob.State.SUBMITTED,
        upload=upload,
        pose=checked,
        submitted_by=user,
        submitted_at=timezone.now(),
    )
    return job


@transaction.atomic
def decline(*, user: User, work_item_id: UUID, token: int, reason: str) -> None:
    """Give a job back for good, with the reason: the target returns to triage.

    Raises:
        LeaseSuperseded: another person holds the item now.
    """
    item = workforce.withdraw(user=user, work_item_id=work_item_id, token=token, stage=Stage.ARTIST)
    job = ArtistJob(work_item=item)
    _move(job, from_state=ArtistJob.State.WANTED, state=ArtistJob.State.DECLINED, reason=reason)
    sourcing.move_target(target_id=item.subject_id, move=Move.DECLINE, actor=user, reason=reason)


@transaction.atomic
def accept(*, actor: User, work_item_id: UUID) -> Candidate:
    """Accept the submitted mesh: it becomes a candidate, and the target goes on to be posed (or is done).

    Raises:
        NoSuchJob, NothingToReview, OwnWork.
    """
    job = _job_to_review(actor, work_item_id)
    upload = job.upload
    if upload is None or upload.canonical is None:
        raise RuntimeError(f"the artist job {job.pk} was submitted without a usable mesh")
    candidate = generation.record_artist_candidate(
        target_id=job.target_id,
        mesh=blob_ref(upload.canonical),
        vertex_count=upload.vertex_count or 0,
        face_count=upload.face_count or 0,
        watertight=bool(upload.watertight),
        parameters={"artist": job.submitted_by_id, "upload": str(upload.id)},
    )
    _move(
        job,
        from_state=ArtistJob.State.SUBMITTED,
        state=ArtistJob.State.ACCEPTED,
        accepted=candidate,
        accepted_by=actor,
        accepted_at=timezone.now(),
    )
    move = Move.ARTIST_MESH if job.pose is None else Move.ARTIST_POSED
    sourcing.move_target(target_id=job.target_id, move=move, actor=actor, candidate=str(candidate.id))
    return candidate


@transaction.atomic
def return_job(*, actor: User, work_item_id: UUID, reason: str) -> ArtistJob:
    """Send a submitted mesh back: a fresh job with the reason as its brief goes to the front of the artists' queue.

    Raises:
        NoSuchJob, NothingToReview, OwnWork.
    """
    job = _job_to_review(actor, work_item_id)
    _move(
        job,
        from_state=ArtistJob.State.SUBMITTED,
        state=ArtistJob.State.RETURNED,
        returned_by=actor,
        returned_at=timezone.now(),
        reason=reason,
    )
    workforce.audit(actor=actor, subject_kind="target", subject_id=job.target_id, verb="return_mesh", reason=reason)
    item = workforce.create_work_item(stage=Stage.ARTIST, subject_id=job.target_id, priority_band=RETURNED_BAND)
    return ArtistJob.objects.create(work_item=item, case_id=job.case_id, target_id=job.target_id, brief=reason)


def accepted(*, target_id: UUID) -> models.QuerySet[ArtistJob]:
    """Jobs of the target whose mesh a reviewer accepted, newest first."""
    return ArtistJob.objects.filter(target_id=target_id, state=ArtistJob.State.ACCEPTED).order_by("-accepted_at")


def _decide(case_id: UUID, decision: str, **facts: Any) -> TriageCase:
    pending = TriageCase.objects.filter(id=case_id, decision=TriageCase.Decision.PENDING)
    decided = pending.update(decision=decision, decided_at=timezone.now(), **facts)
    case = TriageCase.objects.filter(id=case_id).first()
    if case is None:
        raise NoSuchCase(f"There is no triage case {case_id}.")
    if not decided:
        raise CaseDecided(
            f"The case was {case.decision} before.", what_to_do="Reload the list.", decision=case.decision
        )
    return case


def _jobs() -> Any:
    uploads = MeshUpload.objects.filter(job=OuterRef("pk")).order_by("created_at")
    columns = ("id", "status", "problem", "vertex_count", "face_count", "watertight", "created_at")
    return ArtistJob.objects.select_related("target__image__blob", "case", "work_item").annotate(
        sent=ArraySubquery(uploads.values(json=JSONObject(**{name: F(name) for name in columns}))),
        best_ratings=ArraySubquery(_attempts(OuterRef("target_id")).values("rating")),
    )


def _held_job(user: User, work_item_id: UUID) -> Any:
    job = (
        _jobs()
        .filter(work_item_id=work_item_id, work_item__holder=user, state=ArtistJob.State.WANTED)
        .filter(work_item__state__in=[WorkItem.State.OPEN, WorkItem.State.LEASED])
        .first()
    )
    if job is None:
        raise _no_such_job(work_item_id)
    return job


def _no_such_job(work_item_id: UUID) -> NoSuchJob:
    return NoSuchJob("You hold no job of this id.", what_to_do="Claim the next one.", work_item=str(work_item_id))


def _task(job: Any, work_item: WorkItem) -> ArtistTask:
    return ArtistTask(
        job=job,
        work_item=work_item,
        attempts=job.best_ratings,
        point_map=PointMap.objects.newest(image_id=job.target.image_id),
        uploads=job.sent,
    )


def _attempts(target_id: UUID | OuterRef) -> SelectionQuerySet:
    """The best winners so far, best first."""
    best = Selection.objects.of_shapes().collected(target_id).rated().order_by("-rating", "-rated_at")
    return best[:SHOWN_ATTEMPTS]


def _job_to_review(actor: User, work_item_id: UUID) -> ArtistJob:
    job = ArtistJob.objects.select_related("upload__canonical").filter(work_item_id=work_item_id).first()
    if job is None:
        raise NoSuchJob(f"There is no artist job {work_item_id}.")
    if job.state != ArtistJob.State.SUBMITTED:
        raise NothingToReview(f"The job is {job.state}.", what_to_do="Reload the list.", state=job.state)
    if job.submitted_by_id == actor.pk:
        raise OwnWork("This mesh is your own.", what_to_do="Ask another reviewer to look at it.")
    return job


def _move(job: ArtistJob, *, from_state: str, state: str, **changes: Any) -> None:
    """Change the state by compare-and-set, together with the facts that it needs."""
    moved = ArtistJob.objects.filter(pk=job.pk, state=from_state).update(state=state, **changes)
    if not moved:
        raise NothingToReview("The job has moved on since you looked at it.", what_to_do="Reload it.")
    for name, value in {"state": state, **changes}.items():
        setattr(job, name, value)
