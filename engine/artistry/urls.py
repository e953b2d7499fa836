from django.urls import path

from engine.artistry import api

JOB = "artist-jobs/<uuid:work_item>"

urlpatterns = [
    path("artist-jobs/", api.ReviewQueueView.as_view(), name="artist-job-list"),
    path("artist-jobs/claim", api.ClaimJobView.as_view(), name="artist-job-claim"),
    path(JOB, api.JobView.as_view(), name="artist-job"),
    path(f"{JOB}/attempts/<int:place>/mesh", api.AttemptMeshView.as_view(), name="artist-attempt-mesh"),
    path(f"{JOB}/uploads", api.UploadsView.as_view(), name="artist-uploads"),
    path(f"{JOB}/uploads/<uuid:upload>", api.UploadView.as_view(), name="artist-upload"),
    path(f"{JOB}/uploads/<uuid:upload>/mesh", api.UploadMeshView.as_view(), name="artist-upload-mesh"),
    path(f"{JOB}/submit", api.SubmitMeshView.as_view(), name="artist-submit"),
    path(f"{JOB}/decline", api.DeclineView.as_view(), name="artist-decline"),
    path(f"{JOB}/accept", api.AcceptView.as_view(), name="artist-accept"),
    path(f"{JOB}/return", api.ReturnView.as_view(), name="artist-return"),
    path("triage/", api.TriageListView.as_view(), name="triage-list"),
    path("triage/<uuid:case>/choose", api.ChooseView.as_view(), name="triage-choose"),
    path("triage/<uuid:case>/shelve", api.ShelveView.as_view(), name="triage-shelve"),
]
