"""Pages of the annotation UI: each is one Vite entry in one template."""

from django.urls import path

from annotation_ui import views

urlpatterns = [
    path("", views.home, name="home"),
    path("curriculum/", views.curriculum, name="curriculum-page"),
    path("masks/", views.masks, name="masks-page"),
    path("evaluations/", views.evaluations, name="evaluations-page"),
    path("selection/", views.selection, name="selection-page"),
    path("voting/", views.voting, name="voting-page"),
    path("alignment/", views.alignment, name="alignment-page"),
    path("review/", views.review, name="review-page"),
]
