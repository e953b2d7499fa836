"""The admin pages open, change nothing that services own, and ask little."""

from uuid import uuid4

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from engine.read_only_admin import ReadOnlyModelAdmin
from engine.workforce import drafts, people, services
from engine.workforce.models import AuditEvent, Role, Stage, User, WorkItem
from tests.factories import make_user

pytestmark = pytest.mark.django_db
OWNED = [model for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyModelAdmin)]


@pytest.fixture
def engineer() -> Client:
    client = Client()
    client.force_login(people.create_person(username="eve", password="a good one", roles=[Role.ML_ENGINEER]))
    return client


def make_history(count: int) -> None:
    for number in range(count):
        services.create_work_item(stage=Stage.MASK, subject_id=uuid4())
        person = make_user(username=f"person{number}")
        claimed = services.claim(user=person, stage=Stage.MASK)
        assert claimed is not None
        if number % 2:
            item = claimed.work_item
            drafts.save(user=person, work_item_id=item.id, content={})
            services.submit(user=person, work_item_id=item.id, token=1, duration_ms=900, guideline_version="1")


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_lists_open_with_a_query_count_that_does_not_grow(
    model, engineer: Client, django_assert_max_num_queries
) -> None:
    make_history(6)
    with django_assert_max_num_queries(12):
        answer = engineer.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
    assert answer.status_code == 200


@pytest.mark.parametrize("action", ["add", "delete"])
def test_owned_rows_are_not_edited_here(action: str, engineer: Client) -> None:
    make_history(1)
    event = AuditEvent.objects.latest("id")
    arguments = [] if action == "add" else [event.pk]
    assert engineer.post(reverse(f"admin:workforce_auditevent_{action}", args=arguments)).status_code == 403
    assert engineer.get(reverse("admin:workforce_auditevent_change", args=[event.pk])).status_code == 200


def test_search_finds_a_work_item_by_its_target(engineer: Client) -> None:
    make_history(3)
    item = WorkItem.objects.first()
    assert item is not None
    answer = engineer.get(reverse("admin:workforce_workitem_changelist"), {"q": str(item.subject_id)})
    assert answer.context["cl"].result_count == 1


def test_engineers_do_not_edit_people_and_administrators_do(engineer: Client) -> None:
    page = reverse("admin:workforce_user_changelist")
    assert engineer.get(page).status_code == 403
    chief = Client()
    chief.force_login(people.create_person(username="chief", password="a good one", roles=[Role.ADMIN]))
    assert b"ml_engineer" in chief.get(page).content
    assert (
        chief.get(reverse("admin:workforce_user_change", args=[User.objects.get(username="eve").pk])).status_code == 200
    )


def test_annotators_have_no_admin_site() -> None:
    client = Client()
    client.force_login(make_user(Role.ANNOTATOR))
    assert client.get(reverse("admin:index")).status_code == 302
