"""Routes of the flywheel."""

from django.urls import path

from engine.flywheel import api
from engine.flywheel.voting import api as evaluations
from engine.flywheel.voting import ballot_api as ballots

urlpatterns = [
    path("flywheel/status/", api.StatusView.as_view(), name="flywheel-status"),
    path("flywheel/iterations/", api.IterationsView.as_view(), name="iterations"),
    path("flywheel/iterations/<int:number>/", api.IterationView.as_view(), name="iteration"),
    path("flywheel/iterations/<int:number>/resume", api.ResumeView.as_view(), name="iteration-resume"),
    path(
        "flywheel/iterations/<int:number>/stop-collecting",
        api.StopCollectingView.as_view(),
        name="iteration-stop-collecting",
    ),
    path("model-versions/", api.ModelVersionsView.as_view(), name="model-versions"),
    path("model-versions/<uuid:version_id>/promote", api.PromoteView.as_view(), name="model-version-promote"),
    path("evaluation-sets/", evaluations.EvaluationSetsView.as_view(), name="evaluation-sets"),
    path("evaluations/", evaluations.EvaluationsView.as_view(), name="evaluations"),
    path("evaluations/<uuid:evaluation>/", evaluations.EvaluationView.as_view(), name="evaluation"),
    path("evaluations/<uuid:evaluation>/start", evaluations.StartEvaluationView.as_view(), name="evaluation-start"),
    path("evaluations/<uuid:evaluation>/close", evaluations.CloseEvaluationView.as_view(), name="evaluation-close"),
    path(
        "evaluations/<uuid:evaluation>/withdraw",
        evaluations.WithdrawEvaluationView.as_view(),
        name="evaluation-withdraw",
    ),
    path("ballots/claim", ballots.ClaimBallotView.as_view(), name="ballot-claim"),
    path("ballots/<uuid:work_item>", ballots.BallotView.as_view(), name="ballot"),
    path("ballots/<uuid:work_item>/vote", ballots.VoteView.as_view(), name="ballot-vote"),
    path("ballots/<uuid:work_item>/undo", ballots.UndoVoteView.as_view(), name="ballot-undo"),
    path("ballots/<uuid:work_item>/submit", ballots.HandInView.as_view(), name="ballot-submit"),
    path("ballots/shown/<uuid:presentation>/mesh", ballots.BallotMeshView.as_view(), name="ballot-mesh"),
    path(
        "ballots/shown/<uuid:presentation>/load-failure",
        ballots.BallotLoadFailureView.as_view(),
        name="ballot-load-failure",
    ),
]
