"""Stage 3 for annotators: claim, pose, submit."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.alignment import assistance, services
from engine.alignment.serializers import (
    AlignmentTaskSerializer,
    AskForPoseSerializer,
    JudgedAlignmentSerializer,
    ProposalSerializer,
    SnappedSerializer,
    SubmitAlignmentSerializer,
)
from engine.bodies import read_body
from engine.selection.blind_meshes import mesh_response
from engine.selection.serializers import ClaimSerializer, SubmittedSerializer
from engine.storage.api import AnyContent
from engine.workforce.idempotency import IdempotentWrites, WritesNothing
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, person_of

ITEM = "9c2f7d0e-1f7b-4f55-8a9e-3b1d7c5e9a44"
POSE_EXAMPLE = {"rotation_wxyz": [0.0, 1.0, 0.0, 0.0], "translation": [0.12, -0.05, 1.8], "scale": [0.3, 0.3, 0.3]}
PROPOSAL_EXAMPLE = {"pose": POSE_EXAMPLE, "silhouette_iou": 0.93, "inlier_share": 0.97}
NO_HELP = {
    404: OpenApiResponse(description="`no_such_alignment`: you do not hold it."),
    422: OpenApiResponse(description="`invalid_pose`."),
    503: OpenApiResponse(description="`nobody_answers`: no worker did it in time. Go on by hand."),
}
TASK: dict[str, Any] = {
    "work_item": ITEM,
    "token": 1,
    "lease_expires_at": "2026-01-05T09:40:00Z",
    "lease_seconds": 600,
    "reviewer_note": "",
    "image": {"url": "/api/v1/blobs/…", "width": 640, "height": 480},
    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 468, 12, 156668]},
    "category": "mug",
    "description": "a white mug with a blue rim",
    "mesh_url": f"/api/v1/alignments/{ITEM}/mesh",
    "point_map": {
        "url": "/api/v1/blobs/…",
        "scale": "metric",
        "source": "given",
        "intrinsics": {"fx": 994.9, "fy": 994.9, "cx": 311.2, "cy": 254.9, "width": 640, "height": 480},
    },
    "initial_pose": POSE_EXAMPLE,
    "initial_pose_source": "target_points",
    "point_cloud": {"url": "/api/v1/blobs/…", "size_bytes": 3000036},
    "ground_plane": {"normal": [0.01, -0.94, -0.34], "offset": -0.71},
    "inlier_tolerance": 0.012,
    "inlier_tolerance_share": 0.05,
    "placed": [
        {"mesh_url": f"/api/v1/alignments/{ITEM}/placed/{ITEM}/mesh", "pose": POSE_EXAMPLE, "category": "table"}
    ],
    "guidelines": {"version": "v1", "markdown": "# Stage 3 …"},
}
TASK_EXAMPLE = OpenApiExample("An alignment", value=TASK, response_only=True)
JUDGED_EXAMPLE = OpenApiExample(
    "A pose",
    value=TASK | {"pose": POSE_EXAMPLE, "not_alignable": "", "silhouette_iou": 0.93, "inlier_share": 0.97},
    response_only=True,
)


class ClaimAlignmentView(IdempotentWrites, APIView):
    """The next alignment."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="alignments_claim",
        request=ClaimSerializer,
        responses={200: AlignmentTaskSerializer, 204: OpenApiResponse(description="Nothing waits.")},
        examples=[TASK_EXAMPLE, OpenApiExample("Claim", value={"prefetch": False}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Claim the next alignment. Who holds one already gets it again."""
        task = services.claim(user=person_of(request), prefetch=read_body(ClaimSerializer, request)["prefetch"])
        if task is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(AlignmentTaskSerializer(task).data)


class AlignmentView(APIView):
    """An alignment that the caller holds."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="alignments_read",
        responses={200: AlignmentTaskSerializer, 404: OpenApiResponse(description="You do not hold it.")},
        examples=[TASK_EXAMPLE],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """Read an alignment, after a reload for instance."""
        return Response(AlignmentTaskSerializer(services.task_of(user=person_of(request), work_item_id=work_item)).data)


class JudgedAlignmentView(APIView):
    """A Stage 3 judgement."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="alignments_judged",
        responses={200: JudgedAlignmentSerializer, 404: OpenApiResponse(description="`no_such_alignment`.")},
        examples=[JUDGED_EXAMPLE],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """The scene as it was shown, the pose and its scores, for reviewers."""
        return Response(JudgedAlignmentSerializer(services.judged(work_item_id=work_item)).data)


class AlignmentMeshView(APIView):
    """The shape to pose."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ANNOTATOR, Role.REVIEWER)]

    @extend_schema(
        operation_id="alignments_mesh",
        responses={(200, "model/gltf-binary"): OpenApiTypes.BINARY, 404: OpenApiResponse(description="Not for you.")},
    )
    def get(self, request: Request, work_item: UUID) -> HttpResponseBase:
        """Read the shape to pose as canonical GLB: Y up, fitted to [-0.5, 0.5]³."""
        mesh = services.mesh_to_pose(user=person_of(request), work_item_id=work_item)
        return mesh_response(request=request, mesh=mesh, shown_as=str(work_item))


class PlacedMeshView(APIView):
    """Another object of the photograph."""

    content_negotiation_class = AnyContent
    permission_classes = [HasRole(Role.ANNOTATOR, Role.REVIEWER)]

    @extend_schema(
        operation_id="alignments_placed_mesh",
        responses={(200, "model/gltf-binary"): OpenApiTypes.BINARY, 404: OpenApiResponse(description="Not for you.")},
    )
    def get(self, request: Request, work_item: UUID, target: UUID) -> HttpResponseBase:
        """Read the mesh of an object that was placed already, as canonical GLB."""
        mesh = services.placed_mesh(user=person_of(request), work_item_id=work_item, target_id=target)
        return mesh_response(request=request, mesh=mesh, shown_as=f"{work_item}-{target}")


class SnapView(WritesNothing, APIView):
    """A better pose near the present one."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="alignments_snap",
        request=AskForPoseSerializer,
        responses={200: SnappedSerializer, **NO_HELP},
        examples=[
            OpenApiExample("From here", value={"pose": POSE_EXAMPLE}, request_only=True),
            OpenApiExample("Proposal", value=PROPOSAL_EXAMPLE | {"better_turned": False}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Fit the mesh to the object's points and outline, from where it is. Changes nothing by itself."""
        body = read_body(AskForPoseSerializer, request)
        proposal = assistance.snap(user=person_of(request), work_item_id=work_item, pose=body["pose"])
        return Response(SnappedSerializer(proposal).data)


class TryOthersView(WritesNothing, APIView):
    """Quite other poses."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="alignments_try_others",
        request=AskForPoseSerializer,
        responses={200: ProposalSerializer(many=True), **NO_HELP},
        examples=[
            OpenApiExample("From here", value={"pose": POSE_EXAMPLE}, request_only=True),
            OpenApiExample("Proposals", value=PROPOSAL_EXAMPLE, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Propose up to six poses that look different from the present one, best first. Changes nothing by itself."""
        body = read_body(AskForPoseSerializer, request)
        found = assistance.try_others(user=person_of(request), work_item_id=work_item, pose=body["pose"])
        return Response(ProposalSerializer(found, many=True).data)


class SubmitAlignmentView(IdempotentWrites, APIView):
    """The pose, which ends an alignment."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="alignments_submit",
        request=SubmitAlignmentSerializer,
        responses={
            200: SubmittedSerializer,
            409: OpenApiResponse(description="`lease_superseded`: somebody else holds it now. Your draft is kept."),
            422: OpenApiResponse(description="`invalid_pose`, `pose_or_reason` or `invalid_client_score`."),
        },
        examples=[
            OpenApiExample(
                "Posed",
                value={
                    "token": 1,
                    "pose": POSE_EXAMPLE,
                    "client_silhouette_iou": 0.87,
                    "client_inlier_share": 0.91,
                    "assistance": [
                        {
                            "kind": "snap",
                            "silhouette_iou_before": 0.52,
                            "silhouette_iou_after": 0.87,
                            "inlier_share_before": 0.31,
                            "inlier_share_after": 0.91,
                            "kept": True,
                        }
                    ],
                    "duration_ms": 143000,
                    "guideline_version": "v1",
                },
                request_only=True,
            ),
            OpenApiExample(
                "Not alignable",
                value={"token": 1, "not_alignable": "bad_mesh", "duration_ms": 20000, "guideline_version": "v1"},
                request_only=True,
            ),
            OpenApiExample("Stored", value={"work_item": ITEM}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Submit the pose, or the reason why there is none. The engine recomputes both scores; they do not gate."""
        body = read_body(SubmitAlignmentSerializer, request)
        services.submit(user=person_of(request), work_item_id=work_item, **body)
        return Response({"work_item": str(work_item)})
