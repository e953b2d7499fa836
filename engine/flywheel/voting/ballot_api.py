"""Votes, for annotators: claim, vote, take back, hand in."""

from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.flywheel.voting import ballots
from engine.flywheel.voting.serializers import BallotProgressSerializer, BallotTaskSerializer, HandInSerializer
from engine.selection.blind_meshes import mesh_response
from engine.selection.serializers import AnswerSerializer, ClaimSerializer, SubmittedSerializer
from engine.selection.tournament import Answer, Pair
from engine.storage.api import AnyContent
from engine.workforce.idempotency import IdempotentWrites
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, person_of
from engine.workforce.serializers import TokenSerializer

LEFT, RIGHT = "5e0b6a4e-8a39-4b5c-8f0e-9d1c2b7a6f10", "a1f0c9d2-3b47-4c1e-b7c5-0e6d5f4a3b21"
WORK_ITEM = "6f7f1d0a-2c43-4e0b-9f6a-1b2c3d4e5f60"
PROGRESS_EXAMPLE = {
    "pair": None,
    "round": 1,
    "rounds": 1,
    "phase": "done",
    "winner": LEFT,
    "can_undo": True,
}
TASK_EXAMPLE = {
    "work_item": WORK_ITEM,
    "token": 3,
    "lease_expires_at": "2026-01-05T09:30:00Z",
    "lease_seconds": 300,
    "image": {"url": "/api/v1/blobs/…", "preview_url": None, "width": 640, "height": 480},
    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 468, 12, 156668]},
    "category": "mug",
    "description": "a white mug with a blue rim",
    "modality": "shape",
    "candidates": [
        {"presentation_id": LEFT, "mesh_url": f"/api/v1/ballots/shown/{LEFT}/mesh"},
        {"presentation_id": RIGHT, "mesh_url": f"/api/v1/ballots/shown/{RIGHT}/mesh"},
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
    "guidelines": {"version": "voting-v1", "markdown": "# Which is closer to the object? …"},
}
TASK_EXAMPLES = [OpenApiExample("Two to compare", value=TASK_EXAMPLE, response_only=True)]
PROGRESS_EXAMPLES = [OpenApiExample("After the last vote", value=PROGRESS_EXAMPLE, response_only=True)]
SUPERSEDED = OpenApiResponse(description="`lease_superseded`: somebody else holds it now.")


class ClaimBallotView(IdempotentWrites, APIView):
    """The next ballot."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_claim",
        request=ClaimSerializer,
        responses={200: BallotTaskSerializer, 204: OpenApiResponse(description="Nothing waits.")},
        examples=[*TASK_EXAMPLES, OpenApiExample("Claim", value={"prefetch": False}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Claim the next ballot. Who holds one already gets it again, as it stands."""
        body = read_body(ClaimSerializer, request)
        task = ballots.claim(user=person_of(request), prefetch=body["prefetch"])
        if task is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(BallotTaskSerializer(task).data)


class BallotView(APIView):
    """A ballot that the caller holds."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_read",
        responses={200: BallotTaskSerializer, 404: OpenApiResponse(description="You do not hold it.")},
        examples=TASK_EXAMPLES,
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """Read a ballot as it stands, after a reload for instance."""
        return Response(BallotTaskSerializer(ballots.task_of(user=person_of(request), work_item_id=work_item)).data)


class VoteView(IdempotentWrites, APIView):
    """One vote."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_vote",
        request=AnswerSerializer,
        responses={200: BallotProgressSerializer, 409: SUPERSEDED},
        examples=[
            OpenApiExample(
                "Left is closer",
                value={"token": 3, "answer": "left", "pair": {"left": LEFT, "right": RIGHT}, "duration_ms": 8200},
                request_only=True,
            ),
            *PROGRESS_EXAMPLES,
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Say which of the pair on show is closer to the object: left, right or equal."""
        body = read_body(AnswerSerializer, request)
        progress = ballots.vote(
            user=person_of(request),
            work_item_id=work_item,
            token=body["token"],
            answer=Answer(body["answer"]),
            duration_ms=body["duration_ms"],
            shown=body["pair"] and Pair(**body["pair"]),
        )
        return Response(BallotProgressSerializer(progress).data)


class UndoVoteView(IdempotentWrites, APIView):
    """The last vote, taken back."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_undo",
        request=TokenSerializer,
        responses={200: BallotProgressSerializer, 409: SUPERSEDED},
        examples=[OpenApiExample("Undo", value={"token": 3}, request_only=True), *PROGRESS_EXAMPLES],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Take the last vote back, also after the last pair. Nothing is erased; given again, it stands again."""
        body = read_body(TokenSerializer, request)
        progress = ballots.undo(user=person_of(request), work_item_id=work_item, token=body["token"])
        return Response(BallotProgressSerializer(progress).data)


class HandInView(IdempotentWrites, APIView):
    """The end of a ballot."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_submit",
        request=HandInSerializer,
        responses={200: SubmittedSerializer, 409: SUPERSEDED},
        examples=[
            OpenApiExample(
                "All pairs are voted on",
                value={"token": 3, "duration_ms": 21000, "guideline_version": "voting-v1"},
                request_only=True,
            ),
            OpenApiExample("Stored", value={"work_item": WORK_ITEM}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Hand the votes in: from now on they count."""
        body = read_body(HandInSerializer, request)
        ballots.hand_in(user=person_of(request), work_item_id=work_item, **body)
        return Response({"work_item": str(work_item)})


class BallotMeshView(APIView):
    """What was shown."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_mesh",
        responses={(200, "model/gltf-binary"): OpenApiTypes.BINARY, 404: OpenApiResponse(description="Not for you.")},
    )
    def get(self, request: Request, presentation: UUID) -> HttpResponseBase:
        """Read the mesh that a ballot shows under this id, for the person it was made for."""
        view = ballots.shown_view(user=person_of(request), showing_id=presentation)
        return mesh_response(request=request, mesh=view, shown_as=str(presentation))


class BallotLoadFailureView(IdempotentWrites, APIView):
    """What could not be shown."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="ballots_load_failure",
        request=None,
        responses={204: None, 404: OpenApiResponse(description="Not shown to you.")},
    )
    def post(self, request: Request, presentation: UUID) -> Response:
        """Say that this mesh did not load: it is counted in the results. Vote against it, or try again."""
        ballots.record_load_failure(user=person_of(request), showing_id=presentation)
        return Response(status=status.HTTP_204_NO_CONTENT)
