"""The admin shows cases, jobs and uploads and changes none."""

import pytest
from django.test import Client
from django.urls import reverse

from engine.artistry.models import MeshUpload
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_lists_and_pages_open_and_nothing_can_be_changed(submitted):
    job = submitted()
    client = Client()
    client.force_login(make.make_user(is_staff=True, is_superuser=True))
    rows = {"triagecase": job.case_id, "artistjob": job.pk, "meshupload": MeshUpload.objects.get().pk}
    for name, pk in rows.items():
        assert client.get(reverse(f"admin:artistry_{name}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:artistry_{name}_change", args=[pk])).status_code == 200
        assert client.get(reverse(f"admin:artistry_{name}_add")).status_code == 403
