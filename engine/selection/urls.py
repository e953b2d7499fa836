from django.urls import path

from engine.selection import api

urlpatterns = [
    path("selections/claim", api.ClaimSelectionView.as_view(), name="selection-claim"),
    path("selections/<uuid:work_item>", api.SelectionView.as_view(), name="selection"),
    path("selections/<uuid:work_item>/judged", api.JudgedSelectionView.as_view(), name="selection-judged"),
    path("selections/<uuid:work_item>/answer", api.AnswerView.as_view(), name="selection-answer"),
    path("selections/<uuid:work_item>/undo", api.UndoView.as_view(), name="selection-undo"),
    path("selections/<uuid:work_item>/submit", api.SubmitSelectionView.as_view(), name="selection-submit"),
    path("presentations/<uuid:presentation>/mesh", api.PresentationMeshView.as_view(), name="presentation-mesh"),
    path("presentations/<uuid:presentation>/splat", api.PresentationSplatView.as_view(), name="presentation-splat"),
    path("presentations/<uuid:presentation>/load-failure", api.LoadFailureView.as_view(), name="presentation-failed"),
]
