"""Stage 2 for annotators: claim, compare, take back, rate."""

from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.contracts.splats import MEDIA_TYPE as SPLAT_MEDIA_TYPE
from engine.selection import answering, handing_out, rating, showing
from engine.selection.blind_meshes import candidate_response, mesh_response
from engine.selection.serializers import (
    AnswerSerializer,
    ClaimSerializer,
    JudgedSelectionSerializer,
    ProgressSerializer,
    SelectionTaskSerializer,
    SubmitSelectionSerializer,
    SubmittedSerializer,
)
from engine.selection.tournament import Answer, Pair
from engine.storage.api import AnyContent
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, person_of
from engine.workforce.serializers import TokenSerializer

LEFT, RIGHT = "7f3c1a52-0d9e-4c57-9a53-5c1f3b6f2d10", "0b9f7c44-2a64-4e0b-8f43-52a1c9e8d7aa"
PROGRESS_EXAMPLE = {
    "pair": {"left": LEFT, "right": RIGHT},
    "round": 2,
    "rounds": 7,
    "phase": "compare",
    "winner": None,
    "can_undo": True,
}
TASK_EXAMPLE = {
    "work_item": "3d1f0b62-6a5e-4a8c-8a4c-0a5f1f6f8a11",
    "token": 3,
    "lease_expires_at": "2026-01-05T09:30:00Z",
    "lease_seconds": 300,
    "reviewer_note": "",
    "image": {"url": "/api/v1/blobs/…", "width": 640, "height": 480},
    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 468, 12, 156668]},
    "category": "mug",
    "description": "a white mug with a blue rim",
    "modality": "shape",
    "candidates": [
        {"presentation_id": LEFT, "mesh_url": f"/api/v1/presentations/{LEFT}/mesh", "splat_url": None},
        {"presentation_id": RIGHT, "mesh_url": f"/api/v1/presentations/{RIGHT}/mesh", "splat_url": None},
    ],
    "pair": {"left": LEFT, "right": RIGHT},
    "round": 1,
    "rounds": 1,
    "phase": "compare",
    "winner": None,
    "can_undo": False,
    "layouts": [{"staying_side": "left", "kept_if_equal": "right"}],
    "answers": [],
    "taken_back": [],
    "bar": 0.6,
    "rubric": {"version": "v1", "markdown": "# How good is the winner? …"},
    "guidelines": {"version": "v1", "markdown": "# Stage 2 …"},
}
TASK_EXAMPLES = [OpenApiExample("A selection of two", value=TASK_EXAMPLE, response_only=True)]
PROGRESS_EXAMPLES = [OpenApiExample("In the second round", value=PROGRESS_EXAMPLE, response_only=True)]
SUPERSEDED = OpenApiResponse(
    description="`lease_superseded`: somebody else holds it now. What you stored stays stored."
)


class ClaimSelectionView(IdempotentWrites, APIView):
    """The next selection."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="selections_claim",
        request=ClaimSerializer,
        responses={200: SelectionTaskSerializer, 204: OpenApiResponse(description="Nothing waits.")},
        examples=[*TASK_EXAMPLES, OpenApiExample("Claim", value={"prefetch": False}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Claim the next selection. Who holds one already gets it again, as it stands."""
        body = read_body(ClaimSerializer, request)
        task = handing_out.claim(user=person_of(request), prefetch=body["prefetch"])
        if task is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(SelectionTaskSerializer(task).data)


class SelectionView(APIView):
    """A selection that the caller holds."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="selections_read",
        responses={200: SelectionTaskSerializer, 404: OpenApiResponse(description="You do not hold it.")},
        examples=TASK_EXAMPLES,
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """Read a selection as it stands, after a reload for instance."""
        return Response(
            SelectionTaskSerializer(handing_out.task_of(user=person_of(request), work_item_id=work_item)).data
        )


class JudgedSelectionView(APIView):
    """A Stage 2 judgement."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="selections_judged",
        responses={200: JudgedSelectionSerializer, 404: OpenApiResponse(description="`no_such_selection`.")},
        examples=[
            OpenApiExample(
                "A selection of two",
                value=TASK_EXAMPLE
                | {"phase": "rate", "pair": None, "winner": LEFT, "answers": ["left"], "rating": 0.8}
                | {"failure_reason": "", "rated_bar": 0.6},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """The tournament as it was played, and the rating, for reviewers. They are as blind as annotators."""
        return Response(JudgedSelectionSerializer(handing_out.judged(work_item_id=work_item)).data)


class AnswerView(IdempotentWrites, APIView):
    """One comparison."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="selections_answer",
        request=AnswerSerializer,
        responses={200: ProgressSerializer, 409: SUPERSEDED},
        examples=[
            OpenApiExample(
                "Left is better",
                value={"token": 3, "answer": "left", "pair": {"left": LEFT, "right": RIGHT}, "duration_ms": 8200},
                request_only=True,
            ),
            *PROGRESS_EXAMPLES,
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Answer the pair on show: left, right or equal."""
        body = read_body(AnswerSerializer, request)
        progress = answering.answer(
            user=person_of(request),
            work_item_id=work_item,
            token=body["token"],
            answer=Answer(body["answer"]),
            duration_ms=body["duration_ms"],
            shown=body["pair"] and Pair(**body["pair"]),
        )
        return Response(ProgressSerializer(progress).data)


class UndoView(IdempotentWrites, APIView):
    """The last answer, taken back."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="selections_undo",
        request=TokenSerializer,
        responses={200: ProgressSerializer, 409: SUPERSEDED},
        examples=[OpenApiExample("Undo", value={"token": 3}, request_only=True), *PROGRESS_EXAMPLES],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Take the last answer back, also after the last pair. Nothing is erased; given again, it stands again."""
        body = read_body(TokenSerializer, request)
        progress = answering.undo(user=person_of(request), work_item_id=work_item, token=body["token"])
        return Response(ProgressSerializer(progress).data)


class SubmitSelectionView(IdempotentWrites, APIView):
    """The rating, which ends a selection."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="selections_submit",
        request=SubmitSelectionSerializer,
        responses={
            200: SubmittedSerializer,
            409: SUPERSEDED,
            422: OpenApiResponse(description="`invalid_rating` or `failure_reason_missing`."),
        },
        examples=[
            OpenApiExample(
                "Under the bar",
                value={
                    "token": 3,
                    "rating": 0.35,
                    "failure_reason": "occlusion",
                    "duration_ms": 74100,
                    "guideline_version": "v1",
                    "rubric_version": "v1",
                },
                request_only=True,
            ),
            OpenApiExample("Stored", value={"work_item": TASK_EXAMPLE["work_item"]}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Rate the winner in [0, 1] by the rubric; under the bar with the main reason."""
        body = read_body(SubmitSelectionSerializer, request)
        rating.submit(user=person_of(request), work_item_id=work_item, **body)
        return Response({"work_item": str(work_item)})


class PresentationMeshView(APIView):
    """A candidate as it was shown."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ANNOTATOR, Role.REVIEWER)]

    @extend_schema(
        operation_id="presentations_mesh",
        responses={(200, "model/gltf-binary"): OpenApiTypes.BINARY, 404: OpenApiResponse(description="Not for you.")},
    )
    def get(self, request: Request, presentation: UUID) -> HttpResponseBase:
        """Read the canonical GLB of a presentation: for the person it was made for, and for reviewers."""
        shown = showing.shown_mesh(user=person_of(request), presentation_id=presentation)
        return candidate_response(request=request, candidate=shown.candidate, shown_as=str(shown.id))


class PresentationSplatView(APIView):
    """A candidate as it was shown, as a Gaussian splat."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ANNOTATOR, Role.REVIEWER)]

    @extend_schema(
        operation_id="presentations_splat",
        responses={(200, SPLAT_MEDIA_TYPE): OpenApiTypes.BINARY, 404: OpenApiResponse(description="Not for you.")},
    )
    def get(self, request: Request, presentation: UUID) -> HttpResponseBase:
        """Read the canonical splat (PLY) of a presentation: for the person it was made for, and for reviewers."""
        shown = showing.shown_mesh(user=person_of(request), presentation_id=presentation)
        if shown.candidate.splat is None:
            raise showing.NoSuchPresentation("This candidate is shown as a mesh.", what_to_do="Read its mesh_url.")
        return mesh_response(request=request, mesh=shown.candidate.splat, shown_as=f"{shown.id}-splat")


class LoadFailureView(IdempotentWrites, APIView):
    """A candidate that could not be shown."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="presentations_load_failure",
        request=None,
        responses={204: None, 404: OpenApiResponse(description="Not shown to you.")},
    )
    def post(self, request: Request, presentation: UUID) -> Response:
        """Say that this candidate did not load, so that somebody looks after it. Vote it down, or try again."""
        showing.record_load_failure(user=person_of(request), presentation_id=presentation)
        return Response(status=status.HTTP_204_NO_CONTENT)
