"""Stage 2.5 for artists: claim, send, submit, decline; for reviewers: triage, accept, return."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.artistry import services
from engine.artistry.models import ArtistJob, TriageCase
from engine.artistry.serializers import (
    ArtistTaskSerializer,
    DecisionSerializer,
    DeclineSerializer,
    ReturnSerializer,
    ReviewSerializer,
    ShelveSerializer,
    SubmitMeshSerializer,
    TriageCaseSerializer,
    UploadFileSerializer,
    UploadSerializer,
)
from engine.bodies import read_body
from engine.pagination import NewestFirst
from engine.selection.blind_meshes import mesh_response
from engine.selection.models import FailureReason
from engine.selection.serializers import SubmittedSerializer
from engine.storage.api import AnyContent
from engine.storage.models import Blob
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, person_of

ITEM, UPLOAD, CASE = (
    "3d1f0b62-6a5e-4a8c-8a4c-0a5f1f6f8a11",
    "d5b8a0d3-3d55-4d1c-8f7d-1a7c7a0f4f02",
    "a1c7ad6e-51f4-4dfd-9b3f-0e6f0a2a9b35",
)
PHOTOGRAPH = {
    "image": {"url": "/api/v1/blobs/…", "width": 640, "height": 480},
    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 468, 12, 156668]},
    "category": "vase",
    "description": "a glass vase",
}
UPLOAD_EXAMPLE = OpenApiExample(
    "Usable",
    value={
        "id": UPLOAD,
        "status": "usable",
        "problem": "",
        "vertex_count": 5120,
        "face_count": 10236,
        "watertight": True,
        "mesh_url": f"/api/v1/artist-jobs/{ITEM}/uploads/{UPLOAD}/mesh",
    },
    response_only=True,
)
JOB_EXAMPLE = OpenApiExample(
    "A job that came back",
    value={
        "work_item": ITEM,
        "token": 1,
        "lease_expires_at": "2026-01-08T09:30:00Z",
        "lease_seconds": 259200,
        "reviewer_note": "",
        **PHOTOGRAPH,
        "failure_reason": "transparency",
        "note": "rare and clearly visible",
        "brief": "Close the bottom of the vase.",
        "attempts": [{"mesh_url": f"/api/v1/artist-jobs/{ITEM}/attempts/0/mesh", "rating": 0.4}],
        "point_map": None,
        "uploads": [],
        "guidelines": {"version": "v1", "markdown": "# Stage 2.5 …"},
    },
    response_only=True,
)
REVIEW_EXAMPLE = OpenApiExample(
    "A mesh to review",
    value={
        "work_item": ITEM,
        "submitted_by": "mira",
        "submitted_at": "2026-01-06T16:02:11Z",
        "upload": UPLOAD_EXAMPLE.value,
        "pose": None,
        **PHOTOGRAPH,
        "failure_reason": "transparency",
    },
    response_only=True,
)
CASE_EXAMPLE = OpenApiExample(
    "A hard case",
    value={
        "id": CASE,
        "target": "5b0f6f0c-7a56-4d0a-9d0e-1f6f1c1f7a10",
        "failure_reason": "transparency",
        "decision": "pending",
        "note": "",
        "duplicate_of": None,
        "created_at": "2026-01-05T11:20:45Z",
        "decided_at": None,
        **PHOTOGRAPH,
        "best_attempt_url": "/api/v1/presentations/7f3c1a52-0d9e-4c57-9a53-5c1f3b6f2d10/mesh",
    },
    response_only=True,
)
SUBMITTED_EXAMPLE = OpenApiExample("Stored", value={"work_item": ITEM}, response_only=True)
DECIDED_EXAMPLE = OpenApiExample(
    "Decided", value={"id": CASE, "decision": "chosen", "note": "rare and clearly visible"}, response_only=True
)
SUPERSEDED = OpenApiResponse(description="`lease_superseded`: somebody else holds the job now. Uploads stay.")


class ClaimJobView(IdempotentWrites, APIView):
    """The next job."""

    permission_classes = [HasRole(Role.ARTIST)]

    @extend_schema(
        operation_id="artist_jobs_claim",
        request=None,
        responses={200: ArtistTaskSerializer, 204: OpenApiResponse(description="Nothing waits.")},
        examples=[JOB_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Claim the next job. Who holds one already gets it again."""
        task = services.claim(user=person_of(request))
        if task is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(ArtistTaskSerializer(task).data)


class JobView(APIView):
    """A job that the caller holds."""

    permission_classes = [HasRole(Role.ARTIST)]

    @extend_schema(
        operation_id="artist_jobs_read",
        responses={200: ArtistTaskSerializer, 404: OpenApiResponse(description="You do not hold it.")},
        examples=[JOB_EXAMPLE],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """Read a job with everything that helps, and what was sent so far."""
        return Response(ArtistTaskSerializer(services.task_of(user=person_of(request), work_item_id=work_item)).data)


class AttemptMeshView(APIView):
    """An attempt of the generators."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ARTIST)]

    @extend_schema(operation_id="artist_jobs_attempt_mesh", responses={(200, "model/gltf-binary"): OpenApiTypes.BINARY})
    def get(self, request: Request, work_item: UUID, place: int) -> HttpResponseBase:
        """Read one of the best shapes so far as GLB; 0 is the best."""
        mesh = services.attempt_mesh(user=person_of(request), work_item_id=work_item, place=place)
        return mesh_response(request=request, mesh=mesh, shown_as=f"{work_item}-{place}")


class UploadsView(IdempotentWrites, APIView):
    """Meshes of a job."""

    permission_classes = [HasRole(Role.ARTIST)]
    parser_classes = [MultiPartParser]

    def prepare(self, request: Request, work_item: UUID) -> tuple[Any, Blob]:
        """Bring the file to the object store."""
        file = read_body(UploadFileSerializer, request)["file"]
        original = services.quarantine_upload(
            user=person_of(request), work_item_id=work_item, file=file, size_bytes=file.size
        )
        return file, original

    @extend_schema(
        operation_id="artist_jobs_upload",
        request={"multipart/form-data": UploadFileSerializer},
        responses={
            201: UploadSerializer,
            422: OpenApiResponse(description="`upload_too_large` or `upload_empty`."),
        },
        examples=[UPLOAD_EXAMPLE],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Send a mesh: GLB, OBJ, PLY or STL, at most 200 MB. It is checked in the background; read it until it is."""
        file, original = self.prepared
        upload = services.receive_upload(
            user=person_of(request), work_item_id=work_item, original=original, file_name=file.name
        )
        return Response(UploadSerializer(upload, context={"work_item": work_item}).data, status=201)


class UploadView(APIView):
    """One mesh that was sent."""

    permission_classes = [HasRole(Role.ARTIST, Role.REVIEWER)]

    @extend_schema(operation_id="artist_jobs_upload_read", responses={200: UploadSerializer}, examples=[UPLOAD_EXAMPLE])
    def get(self, request: Request, work_item: UUID, upload: UUID) -> Response:
        """Read what became of an upload: checking, usable, or refused with the reason."""
        found = services.upload_of(user=person_of(request), work_item_id=work_item, upload_id=upload)
        return Response(UploadSerializer(found, context={"work_item": work_item}).data)


class UploadMeshView(APIView):
    """The mesh of an upload as the engine rewrote it."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ARTIST, Role.REVIEWER)]

    @extend_schema(operation_id="artist_jobs_upload_mesh", responses={(200, "model/gltf-binary"): OpenApiTypes.BINARY})
    def get(self, request: Request, work_item: UUID, upload: UUID) -> HttpResponseBase:
        """Read the canonical GLB of a usable upload. The original is never served."""
        found = services.upload_of(user=person_of(request), work_item_id=work_item, upload_id=upload)
        if found.canonical is None:
            raise services.NoSuchUpload(f"The upload is {found.status}: there is no checked mesh of it.")
        return mesh_response(request=request, mesh=found.canonical, shown_as=str(found.id))


class SubmitMeshView(IdempotentWrites, APIView):
    """The mesh that counts, which ends a job."""

    permission_classes = [HasRole(Role.ARTIST)]

    @extend_schema(
        operation_id="artist_jobs_submit",
        request=SubmitMeshSerializer,
        responses={
            200: SubmittedSerializer,
            409: SUPERSEDED,
            422: OpenApiResponse(description="`upload_not_usable`, `invalid_pose` or `no_camera`."),
        },
        examples=[
            OpenApiExample(
                "Without a pose",
                value={"token": 1, "upload_id": UPLOAD, "duration_ms": 10_800_000, "guideline_version": "v1"},
                request_only=True,
            ),
            SUBMITTED_EXAMPLE,
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Submit a usable upload, with its pose in the camera frame or without. A reviewer looks at it next."""
        services.submit(user=person_of(request), work_item_id=work_item, **read_body(SubmitMeshSerializer, request))
        return Response({"work_item": str(work_item)})


class DeclineView(IdempotentWrites, APIView):
    """A job given back for good."""

    permission_classes = [HasRole(Role.ARTIST)]

    @extend_schema(
        operation_id="artist_jobs_decline",
        request=DeclineSerializer,
        responses={204: None, 409: SUPERSEDED},
        examples=[
            OpenApiExample("Hidden", value={"token": 1, "reason": "only the rim is visible"}, request_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Decline a job, saying why: the object returns to triage."""
        services.decline(user=person_of(request), work_item_id=work_item, **read_body(DeclineSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReviewPages(NewestFirst):
    """Submitted jobs, newest first."""

    ordering = ("-submitted_at", "-work_item_id")


class ReviewQueueView(generics.ListAPIView[ArtistJob]):
    """Meshes to review."""

    permission_classes = [HasRole(Role.REVIEWER)]
    serializer_class = ReviewSerializer
    pagination_class = ReviewPages
    queryset = ArtistJob.objects.filter(state=ArtistJob.State.SUBMITTED).select_related(
        "target__image__blob", "case", "upload", "submitted_by"
    )

    @extend_schema(
        operation_id="artist_jobs_to_review",
        parameters=[OpenApiParameter("awaiting", str, enum=["review"], description="What the jobs wait for.")],
        examples=[REVIEW_EXAMPLE],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List submitted meshes that wait for a reviewer."""
        return super().get(request, *args, **kwargs)


class AcceptView(IdempotentWrites, APIView):
    """A mesh accepted."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="artist_jobs_accept",
        request=None,
        responses={200: SubmittedSerializer, 409: OpenApiResponse(description="`nothing_to_review`.")},
        examples=[SUBMITTED_EXAMPLE],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Accept a submitted mesh: it is posed next, or done where the artist posed it."""
        services.accept(actor=person_of(request), work_item_id=work_item)
        return Response({"work_item": str(work_item)})


class ReturnView(IdempotentWrites, APIView):
    """A mesh sent back."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="artist_jobs_return",
        request=ReturnSerializer,
        responses={200: SubmittedSerializer, 409: OpenApiResponse(description="`nothing_to_review`.")},
        examples=[
            OpenApiExample("Open bottom", value={"reason": "Close the bottom of the vase."}, request_only=True),
            SUBMITTED_EXAMPLE,
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Send a mesh back with the reason. Answers with the work item of the fresh job."""
        job = services.return_job(
            actor=person_of(request), work_item_id=work_item, **read_body(ReturnSerializer, request)
        )
        return Response({"work_item": str(job.work_item_id)})


class TriagePages(NewestFirst):
    """Cases, newest first."""

    ordering = ("-created_at", "-id")


class TriageListView(generics.ListAPIView[TriageCase]):
    """Hard cases."""

    permission_classes = [HasRole(Role.REVIEWER)]
    serializer_class = TriageCaseSerializer
    pagination_class = TriagePages

    def get_queryset(self) -> Any:
        asked = self.request.query_params
        cases = TriageCase.objects.for_review().filter(decision=asked.get("decision", TriageCase.Decision.PENDING))
        return cases.filter(failure_reason=asked["failure_reason"]) if "failure_reason" in asked else cases

    @extend_schema(
        operation_id="triage_list",
        parameters=[
            OpenApiParameter("decision", str, enum=TriageCase.Decision.values, default="pending"),
            OpenApiParameter("failure_reason", str, enum=FailureReason.values),
        ],
        examples=[CASE_EXAMPLE],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List cases, newest first; the pending ones unless asked otherwise."""
        return super().get(request, *args, **kwargs)


class ChooseView(IdempotentWrites, APIView):
    """A case worth an artist."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="triage_choose",
        request=DecisionSerializer,
        responses={200: DecisionSerializer, 409: OpenApiResponse(description="`case_decided`.")},
        examples=[
            OpenApiExample("Worth it", value={"note": "rare and clearly visible"}, request_only=True),
            DECIDED_EXAMPLE,
        ],
    )
    def post(self, request: Request, case: UUID) -> Response:
        """Send a case to the artists."""
        decided = services.choose(actor=person_of(request), case_id=case, **read_body(DecisionSerializer, request))
        return Response(DecisionSerializer(decided).data)


class ShelveView(IdempotentWrites, APIView):
    """A case put aside."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="triage_shelve",
        request=ShelveSerializer,
        responses={
            200: ShelveSerializer,
            409: OpenApiResponse(description="`case_decided`."),
            422: OpenApiResponse(description="`not_a_duplicate`."),
        },
        examples=[
            OpenApiExample("Seen before", value={"note": "", "duplicate_of": UPLOAD}, request_only=True),
            DECIDED_EXAMPLE,
        ],
    )
    def post(self, request: Request, case: UUID) -> Response:
        """Shelve a case, as the duplicate of another or as not worth it. A later collection may ask again."""
        body = read_body(ShelveSerializer, request)
        decided = services.shelve(
            actor=person_of(request), case_id=case, note=body["note"], duplicate_of=body["duplicate_of_id"]
        )
        return Response(ShelveSerializer(decided).data)
