"""What passes nobody's eyes: refused by measure, by likeness or by a model, on record, and taken in all the same."""

import io
import json
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import skimage.data
from django.core.management import call_command
from django.db import connection
from django.test import Client
from PIL import Image as Pillow
from PIL import ImageEnhance, ImageFilter
from pytest_django.fixtures import Settings

from engine.settings import base
from engine.sourcing import refusals, services
from engine.sourcing.models import Image, ImageRefusal, RefusalReason
from engine.sourcing.quality import hash_chunks
from engine.workforce.models import AuditEvent, Role
from tests.factories import make_image, make_user
from tests.integration.sourcing.photographs import photograph, square

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def filters(settings: Settings) -> None:
    """As they are configured by default."""
    settings.LATHE_SCREENING = base.LATHE_SCREENING


def jpeg(picture: Pillow.Image, quality: int = 92) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def reasons(data: bytes, source: str = "one") -> set[str]:
    image = services.register_image(data=data, source=source)
    found = set(image.refusals.values_list("reason", flat=True))
    assert (image.screening == Image.Screening.REFUSED) == bool(found)
    return found


def coffee() -> Pillow.Image:
    return Pillow.fromarray(skimage.data.coffee())


def test_a_good_photograph_passes_and_bad_ones_say_why() -> None:
    assert reasons(jpeg(coffee()), "good") == set()
    assert "blurred" in reasons(jpeg(coffee().filter(ImageFilter.GaussianBlur(4)).rotate(90, expand=True)), "blurred")
    assert "low_contrast" in reasons(jpeg(ImageEnhance.Contrast(coffee().rotate(180)).enhance(0.1)), "pale")
    assert reasons(jpeg(coffee().rotate(270, expand=True), quality=5), "crushed") == {"artefacts"}
    assert "low_resolution" in reasons(jpeg(coffee().resize((150, 100))), "tiny")


def test_the_built_in_photographs_pass() -> None:
    call_command("import_builtin", verbosity=0, stdout=io.StringIO())
    assert not ImageRefusal.objects.exists()


def test_another_take_of_the_same_scene_is_refused_with_its_twin() -> None:
    first = services.register_image(data=jpeg(coffee()), source="first")
    assert reasons(jpeg(coffee().resize((480, 320)), quality=70), "second") == {"near_duplicate"}
    refusal = ImageRefusal.objects.get()
    assert (refusal.twin, refusal.limit) == (first, 6)


def test_near_duplicates_are_found_by_an_index_within_any_six_bits() -> None:
    rng = np.random.default_rng(0)
    image = make_image(perceptual_hash=int(rng.integers(-(2**63), 2**63)))
    for bits in (1, 3, 6):
        flipped = image.perceptual_hash
        for bit in rng.choice(63, size=bits, replace=False):
            flipped ^= 1 << int(bit)
        assert Image.objects.near_duplicates_of(flipped).get() == image
        assert set(hash_chunks(flipped)) & set(image.hash_chunks)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Image.objects.near_duplicates_of(image.perceptual_hash).explain()
    assert "image_hash_chunks" in plan


def test_nothing_is_proposed_in_a_refused_photograph_until_somebody_takes_it_in() -> None:
    image = services.register_image(data=photograph(), source="tiny")
    with pytest.raises(refusals.ImageFiltered, match="low_resolution"):
        services.register_target(image_id=image.id, mask=square(), source="0")
    engineer = make_user(Role.ML_ENGINEER)
    refusals.override_refusal(image_id=image.id, actor=engineer, note="it will do")
    services.register_target(image_id=image.id, mask=square(), source="0")
    assert set(image.refusals.values_list("overridden_by", flat=True)) == {engineer.pk}
    event = AuditEvent.objects.get(subject_id=image.id, verb="override_refusal")
    assert (event.actor, event.facts["note"]) == (engineer, "it will do")


def test_engineers_review_and_override_through_the_api() -> None:
    image = services.register_image(data=photograph(), source="tiny")
    services.register_image(data=jpeg(coffee()), source="good")
    client = Client()
    client.force_login(make_user(Role.ML_ENGINEER))
    (listed,) = client.get("/api/v1/images/?screening=refused").json()["results"]
    assert listed["id"] == str(image.id)
    assert {refusal["reason"] for refusal in listed["refusals"]} >= {"low_resolution"}

    def override() -> Any:
        return client.post(
            f"/api/v1/images/{image.id}/override",
            json.dumps({"note": "it will do"}),
            content_type="application/json",
            headers={"Idempotency-Key": str(uuid4())},
        )

    assert override().json()["screening"] == "overridden"
    assert (override().status_code, override().json()["type"]) == (404, "not_refused")


def test_admin_shows_reasons_and_takes_in(client: Client) -> None:
    image = services.register_image(data=photograph(), source="tiny")
    client.force_login(make_user(Role.ADMIN, is_staff=True, is_superuser=True))
    assert b"Low Resolution" in client.get("/admin/sourcing/image/?screening__exact=refused").content
    for page in ("imagerefusal", "curriculumsettings", "curriculumplan", "masktask", f"image/{image.id}/change"):
        assert client.get(f"/admin/sourcing/{page}/").status_code == 200
    client.post(
        "/admin/sourcing/image/", {"action": "take_in_all_the_same", "_selected_action": [str(image.id)]}, follow=True
    )
    image.refresh_from_db()
    assert image.screening == Image.Screening.OVERRIDDEN


def test_a_photograph_without_a_salient_object_is_withdrawn_once() -> None:
    image = services.register_image(data=jpeg(coffee()), source="sky")
    for _ in range(2):
        refusals.refuse_image(image=image, reason=RefusalReason.NO_SALIENT_OBJECT, note="sky and sea")
    assert image.refusals.get().note == "sky and sea"
    assert AuditEvent.objects.filter(subject_id=image.id, verb="refuse").count() == 1
