from django.urls import path

from engine.alignment import api

urlpatterns = [
    path("alignments/claim", api.ClaimAlignmentView.as_view(), name="alignment-claim"),
    path("alignments/<uuid:work_item>", api.AlignmentView.as_view(), name="alignment"),
    path("alignments/<uuid:work_item>/judged", api.JudgedAlignmentView.as_view(), name="alignment-judged"),
    path("alignments/<uuid:work_item>/mesh", api.AlignmentMeshView.as_view(), name="alignment-mesh"),
    path(
        "alignments/<uuid:work_item>/placed/<uuid:target>/mesh",
        api.PlacedMeshView.as_view(),
        name="alignment-placed-mesh",
    ),
    path("alignments/<uuid:work_item>/snap", api.SnapView.as_view(), name="alignment-snap"),
    path("alignments/<uuid:work_item>/try-others", api.TryOthersView.as_view(), name="alignment-try-others"),
    path("alignments/<uuid:work_item>/submit", api.SubmitAlignmentView.as_view(), name="alignment-submit"),
]
