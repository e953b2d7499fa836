"""The admin shows selections and changes none."""

import pytest
from django.test import Client
from django.urls import reverse

from engine.selection import answering, handing_out
from engine.selection.models import Tournament
from engine.selection.tournament import Answer
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_lists_and_pages_open_and_nothing_can_be_changed(open_selection, annotator):
    selection = open_selection(count=3)
    handing_out.claim(user=annotator)
    answering.answer(user=annotator, work_item_id=selection.pk, token=1, answer=Answer.EQUAL, duration_ms=1)
    client = Client()
    client.force_login(make.make_user(is_staff=True, is_superuser=True))
    for name, pk in (("selection", selection.pk), ("tournament", Tournament.objects.get().pk)):
        assert client.get(reverse(f"admin:selection_{name}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:selection_{name}_change", args=[pk])).status_code == 200
        assert client.get(reverse(f"admin:selection_{name}_add")).status_code == 403
        assert client.post(reverse(f"admin:selection_{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
