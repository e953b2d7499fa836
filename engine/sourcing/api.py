"""Stage 1 over HTTP: claim, look, judge; and for ML engineers: images and targets in and out."""

from typing import Any
from uuid import UUID

import numpy as np
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from numpy.typing import NDArray
from rest_framework import generics, status
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.bodies import read_body
from engine.contracts.masks import MaskError, decode_mask
from engine.contracts.serialisation import to_json
from engine.sourcing import assist, mask_tasks, refusals, services
from engine.sourcing.masks import MaskRefused, read_mask_image
from engine.sourcing.models import Image, MaskVerdict, TargetObject
from engine.sourcing.photographs import MAX_BYTES, MAX_PIXELS, ImageRefused
from engine.sourcing.serializers import (
    AssistedSerializer,
    AssistSerializer,
    ClaimMaskSerializer,
    FurtherObjectSerializer,
    ImageFilterSerializer,
    ImageSourceSerializer,
    ImageUploadSerializer,
    JudgedMaskSerializer,
    MaskTaskSerializer,
    OverrideSerializer,
    SubmitMaskSerializer,
    SubmittedMaskSerializer,
    TargetFilterSerializer,
    TargetProposalSerializer,
    TargetSerializer,
)
from engine.workforce.idempotency import IdempotentWrites, WritesNothing
from engine.workforce.models import Role
from engine.workforce.permissions import HasRole, person_of

IMAGE_ID = "9e4b7c8d-1f7e-4a43-9d0b-6f4f3a1f2c33"
TASK_EXAMPLE = {
    "work_item": "0b0d9cf1-5d0e-4f2a-8a1e-7a2b4a2f9c11",
    "token": 3,
    "lease_expires_at": "2026-03-01T12:01:00Z",
    "lease_seconds": 60,
    "reviewer_note": "",
    "image": {"url": "/api/v1/blobs/…", "preview_url": None, "width": 640, "height": 480},
    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 157148]},
    "category": "mug",
    "description": "a white mug with a blue rim",
    "wants_proposal": False,
    "marked": [],
    "guidelines": {"version": "v2", "markdown": "# Stage 1: is this one object? …"},
}
IMAGE_EXAMPLE = {
    "id": IMAGE_ID,
    "source": "kitchen/0017",
    "licence": "CC BY 4.0",
    "url": "/api/v1/blobs/…",
    "width_px": 640,
    "height_px": 480,
    "sharpness": 0.0061,
    "contrast": 0.21,
    "brightness": 0.44,
    "blockiness": 1.02,
    "screening": "passed",
    "refusals": [],
    "created_at": "2026-03-01T12:00:00Z",
}
TARGET_EXAMPLE = {
    "id": "5a5b1f8e-0b68-4b5e-9a55-7d8a4b6f1c20",
    "image": IMAGE_ID,
    "source": "0.png",
    "mask_area_px": 5120,
    "category": "mug",
    "free_category": "",
    "description": "a white mug with a blue rim",
    "state": "proposed",
    "state_changed_at": "2026-03-01T12:00:00Z",
    "created_at": "2026-03-01T12:00:00Z",
}
SUPERSEDED = OpenApiResponse(description="`lease_superseded` or `work_item_closed`: your draft is kept.")


class ClaimMaskView(IdempotentWrites, APIView):
    """The next mask."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="masks_claim",
        request=ClaimMaskSerializer,
        responses={200: MaskTaskSerializer, 204: OpenApiResponse(description="Nothing waits.")},
        examples=[
            OpenApiExample("Claim", value={"prefetch": False}, request_only=True),
            OpenApiExample("A mask to judge", value=TASK_EXAMPLE, response_only=True, status_codes=["200"]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Claim the next proposed mask. Who holds one already gets it again."""
        task = mask_tasks.claim(user=person_of(request), **read_body(ClaimMaskSerializer, request))
        if task is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(MaskTaskSerializer(task).data)


class MaskTaskView(APIView):
    """A mask that the caller holds."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="masks_read",
        responses={200: MaskTaskSerializer, 404: OpenApiResponse(description="You do not hold it.")},
        examples=[OpenApiExample("A mask to judge", value=TASK_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """Read a task again, after a reload for instance."""
        return Response(MaskTaskSerializer(mask_tasks.task_of(user=person_of(request), work_item_id=work_item)).data)


class JudgedMaskView(APIView):
    """A Stage 1 judgement."""

    permission_classes = [HasRole(Role.REVIEWER)]

    @extend_schema(
        operation_id="masks_judged",
        responses={200: JudgedMaskSerializer, 404: OpenApiResponse(description="`no_such_mask_task`.")},
        examples=[
            OpenApiExample(
                "A refined mask",
                value={
                    "work_item": TASK_EXAMPLE["work_item"],
                    "image": TASK_EXAMPLE["image"],
                    "shown": TASK_EXAMPLE["mask"],
                    "mask": {"height": 480, "width": 640, "counts": [150040, 14, 157146]},
                    "description": "a white mug with a blue rim",
                    "wants_proposal": False,
                    "verdict": "refine",
                    "discard_reason": "",
                    "shown_category": "mug",
                    "category": "mug",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, work_item: UUID) -> Response:
        """What was shown and what was answered, for reviewers."""
        return Response(JudgedMaskSerializer(mask_tasks.judged(work_item_id=work_item)).data)


class SubmitMaskView(IdempotentWrites, APIView):
    """The verdict on a mask."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="masks_submit",
        request=SubmitMaskSerializer,
        responses={
            200: SubmittedMaskSerializer,
            409: SUPERSEDED,
            422: OpenApiResponse(description="`verdict_refused` or `mask_refused`."),
        },
        examples=[
            OpenApiExample(
                "It stands",
                value={"token": 3, "verdict": "verify", "duration_ms": 6200, "guideline_version": "v2"},
                request_only=True,
            ),
            OpenApiExample(
                "Drawn better",
                value={
                    "token": 3,
                    "verdict": "refine",
                    "mask": {"height": 480, "width": 640, "counts": [150040, 14, 157146]},
                    "duration_ms": 31000,
                    "guideline_version": "v2",
                },
                request_only=True,
            ),
            OpenApiExample(
                "No single object",
                value={
                    "token": 3,
                    "verdict": "discard",
                    "discard_reason": "several_objects",
                    "duration_ms": 4100,
                    "guideline_version": "v2",
                },
                request_only=True,
            ),
            OpenApiExample(
                "Marked where nothing was",
                value={
                    "token": 3,
                    "verdict": "propose",
                    "mask": {"height": 480, "width": 640, "counts": [150040, 14, 157146]},
                    "category": "mug",
                    "duration_ms": 14000,
                    "guideline_version": "v2",
                },
                request_only=True,
            ),
            OpenApiExample("Stored", value={"work_item": TASK_EXAMPLE["work_item"]}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Verify the mask, replace it by a better one, discard it with a reason; or mark what nobody had proposed."""
        body = read_body(SubmitMaskSerializer, request)
        verdict = MaskVerdict(body.pop("verdict"))
        mask_tasks.submit(user=person_of(request), work_item_id=work_item, verdict=verdict, **body)
        return Response({"work_item": str(work_item)})


class AssistMaskView(WritesNothing, APIView):
    """Help with marking. It changes nothing, so it takes no idempotency key."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="masks_assist",
        request=AssistSerializer,
        responses={
            200: AssistedSerializer,
            404: OpenApiResponse(description="You do not hold it."),
            422: OpenApiResponse(description="`assist_failed`: nothing was found there."),
            503: OpenApiResponse(description="`nobody_answers`: no segmenter is running; draw by hand."),
        },
        examples=[
            OpenApiExample("Two clicks", value={"clicks": [{"x": 320, "y": 200, "positive": True}]}, request_only=True),
            OpenApiExample(
                "A box", value={"box": {"left": 200, "top": 120, "right": 420, "bottom": 330}}, request_only=True
            ),
            OpenApiExample(
                "The object",
                value={
                    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 157148]},
                    "segmenter": "grabcut",
                    "duration_ms": 84.0,
                },
                response_only=True,
                status_codes=["200"],
            ),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Mark the object that clicks, a box or strokes indicate."""
        body = AssistSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        reply = assist.assist(user=person_of(request), work_item_id=work_item, prompts=body.validated_data)
        return Response({"mask": to_json(reply.mask), "segmenter": reply.segmenter, "duration_ms": reply.duration_ms})


class FurtherObjectView(IdempotentWrites, APIView):
    """More than one salient object."""

    permission_classes = [HasRole(Role.ANNOTATOR)]

    @extend_schema(
        operation_id="masks_further",
        request=FurtherObjectSerializer,
        responses={
            201: SubmittedMaskSerializer,
            409: SUPERSEDED,
            422: OpenApiResponse(description="`mask_refused`: it does not fit, or is marked already."),
        },
        examples=[
            OpenApiExample(
                "A spoon",
                value={
                    "token": 3,
                    "mask": {"height": 480, "width": 640, "counts": [1040, 12, 306148]},
                    "category": "spoon",
                },
                request_only=True,
            ),
            OpenApiExample("Stored", value={"work_item": TASK_EXAMPLE["work_item"]}, response_only=True),
        ],
    )
    def post(self, request: Request, work_item: UUID) -> Response:
        """Mark a further salient object of the photograph in work: it becomes a task of its own."""
        mask_tasks.mark_further(
            user=person_of(request), work_item_id=work_item, **read_body(FurtherObjectSerializer, request)
        )
        return Response({"work_item": str(work_item)}, status=status.HTTP_201_CREATED)


class Pages(CursorPagination):
    """Keyset pages: as fast at the end as at the start."""

    ordering = "id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class ImagesView(IdempotentWrites, generics.ListAPIView[Image]):
    """Photographs."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]
    parser_classes = [MultiPartParser]
    serializer_class = ImageSourceSerializer
    pagination_class = Pages
    queryset = Image.objects.select_related("blob").prefetch_related("refusals")

    def filter_queryset(self, queryset: Any) -> Any:
        filters = ImageFilterSerializer(data=self.request.query_params)
        filters.is_valid(raise_exception=True)
        return super().filter_queryset(queryset.filter(**filters.validated_data))

    def prepare(self, request: Request) -> tuple[dict[str, Any], services.StoredPhotograph]:
        """Decode the photograph and bring it to the object store."""
        body = read_body(ImageUploadSerializer, request)
        file = body["file"]
        if file.size > MAX_BYTES:
            raise ImageRefused(f"The file is larger than {MAX_BYTES / 1e6:.0f} MB.", what_to_do="Scale it down.")
        return body, services.store_photograph(data=file.read())

    @extend_schema(
        operation_id="images_list",
        parameters=[ImageFilterSerializer],
        examples=[OpenApiExample("A photograph", value=IMAGE_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List photographs with what the filters said; `screening=refused` lists those that go to nobody."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="images_create",
        request=ImageUploadSerializer,
        responses={201: ImageSourceSerializer, 422: OpenApiResponse(description="`image_refused`.")},
        examples=[OpenApiExample("A photograph", value=IMAGE_EXAMPLE, response_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Take in a photograph. It is stored upright; a known source returns the image that is there."""
        body, stored = self.prepared
        image = services.register_photograph(stored=stored, source=body["source"], licence=body["licence"])
        return Response(ImageSourceSerializer(image).data, status=status.HTTP_201_CREATED)


class OverrideRefusalView(IdempotentWrites, APIView):
    """A refused photograph that is good enough."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]

    @extend_schema(
        operation_id="images_override",
        request=OverrideSerializer,
        responses={200: ImageSourceSerializer, 404: OpenApiResponse(description="`not_refused`.")},
        examples=[
            OpenApiExample("Good enough", value={"note": "motion blur, but the object is sharp"}, request_only=True),
            OpenApiExample("A photograph", value=IMAGE_EXAMPLE | {"screening": "overridden"}, response_only=True),
        ],
    )
    def post(self, request: Request, image: UUID) -> Response:
        """Take in a refused photograph all the same. Its reasons stay on record."""
        taken_in = refusals.override_refusal(
            image_id=image, actor=person_of(request), **read_body(OverrideSerializer, request)
        )
        return Response(ImageSourceSerializer(taken_in).data)


class TargetsView(IdempotentWrites, generics.ListAPIView[TargetObject]):
    """Target objects."""

    permission_classes = [HasRole(Role.ML_ENGINEER)]
    parser_classes = [JSONParser, MultiPartParser]
    serializer_class = TargetSerializer
    pagination_class = Pages
    queryset = TargetObject.objects.defer("mask_counts")

    @extend_schema(
        operation_id="targets_list",
        parameters=[TargetFilterSerializer],
        examples=[OpenApiExample("A target", value=TARGET_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List targets, of one state, category or image where asked."""
        return super().get(request, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        filters = TargetFilterSerializer(data=self.request.query_params)
        filters.is_valid(raise_exception=True)
        return super().filter_queryset(queryset.filter(**filters.validated_data))

    @extend_schema(
        operation_id="targets_create",
        request=TargetProposalSerializer,
        responses={
            201: TargetSerializer,
            404: OpenApiResponse(description="`no_such_image`."),
            422: OpenApiResponse(description="`mask_refused`."),
        },
        examples=[
            OpenApiExample(
                "A mug",
                value={
                    "image": IMAGE_ID,
                    "source": "0.png",
                    "mask": {"height": 480, "width": 640, "counts": [150040, 12, 157148]},
                    "category": "mug",
                    "description": "a white mug with a blue rim",
                },
                request_only=True,
            ),
            OpenApiExample("A target", value=TARGET_EXAMPLE, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Propose an object of a photograph. Unless its mask is `verified`, it waits for a Stage 1 judgement."""
        body = read_body(TargetProposalSerializer, request)
        target = services.register_target(
            image_id=body["image"],
            mask=_mask(body),
            source=body["source"],
            category=body["category"],
            description=body["description"],
            verified=body["verified"],
        )
        return Response(TargetSerializer(target).data, status=status.HTTP_201_CREATED)


def _mask(body: dict[str, Any]) -> NDArray[np.bool_]:
    if body["mask_file"] is not None:
        return read_mask_image(body["mask_file"].read())
    if body["mask"].height * body["mask"].width > MAX_PIXELS:
        raise MaskRefused("The mask is larger than any image may be.")
    try:
        return decode_mask(body["mask"])
    except MaskError as error:
        raise MaskRefused(f"The mask cannot be decoded: {error}.") from error
