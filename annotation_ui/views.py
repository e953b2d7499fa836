"""Pages hold no data: they load their bundle, which talks to the API as the signed-in person."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie


@login_required
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    """What waits for this person, their day, and where the flywheel stands."""
    return render(request, "annotation_ui/page.html", {"entry": "src/home/main.tsx", "title": "Home"})


@login_required
@ensure_csrf_cookie
def masks(request: HttpRequest) -> HttpResponse:
    """Stage 1: say whether a proposed mask indicates one object, and correct it (paper A.1)."""
    return render(request, "annotation_ui/page.html", {"entry": "src/masks/main.tsx", "title": "Masks"})


@login_required
@ensure_csrf_cookie
def selection(request: HttpRequest) -> HttpResponse:
    """Stage 2: choose the best of N shapes, then rate it (paper A.2, Figure 12)."""
    return render(request, "annotation_ui/page.html", {"entry": "src/selection/main.tsx", "title": "Selection"})


@login_required
@ensure_csrf_cookie
def voting(request: HttpRequest) -> HttpResponse:
    """Evaluations: which of two models' outputs is closer to the object, blind (paper D.2)."""
    return render(request, "annotation_ui/page.html", {"entry": "src/voting/main.tsx", "title": "Voting"})


@login_required
@ensure_csrf_cookie
def evaluations(request: HttpRequest) -> HttpResponse:
    """What votes said of the models: Elo with intervals, who beat whom (paper D.2, Figure 10)."""
    return render(request, "annotation_ui/page.html", {"entry": "src/evaluations/main.tsx", "title": "Evaluations"})


@login_required
@ensure_csrf_cookie
def curriculum(request: HttpRequest) -> HttpResponse:
    """Target, current and planned share of every category (paper A.1)."""
    return render(request, "annotation_ui/page.html", {"entry": "src/curriculum/main.tsx", "title": "Curriculum"})


@login_required
@ensure_csrf_cookie
def alignment(request: HttpRequest) -> HttpResponse:
    """Stage 3: place the chosen shape in the points of the photograph (paper A.4, Figure 13)."""
    return render(request, "annotation_ui/page.html", {"entry": "src/alignment/main.tsx", "title": "Alignment"})


@login_required
@ensure_csrf_cookie
def review(request: HttpRequest) -> HttpResponse:
    """What others judged, in their own view, with the second opinions on it; and how well people agree."""
    return render(request, "annotation_ui/page.html", {"entry": "src/review/main.tsx", "title": "Review"})
