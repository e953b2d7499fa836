"""The admin shows alignments and changes none."""

import pytest
from django.test import Client
from django.urls import reverse

from tests import factories as make

pytestmark = pytest.mark.django_db


def test_the_list_opens_in_a_fixed_number_of_queries(open_alignment, django_assert_max_num_queries):
    alignment = open_alignment()
    for _ in range(5):
        make.make_alignment(candidate=alignment.candidate)
    client = Client()
    client.force_login(make.make_user(is_staff=True, is_superuser=True))
    with django_assert_max_num_queries(15):
        assert client.get(reverse("admin:alignment_alignment_changelist")).status_code == 200
    assert client.get(reverse("admin:alignment_alignment_change", args=[alignment.pk])).status_code == 200
    assert client.get(reverse("admin:alignment_alignment_add")).status_code == 403
