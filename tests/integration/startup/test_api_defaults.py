import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db


def test_a_script_gets_a_token_for_its_password(client: Client) -> None:
    get_user_model().objects.create_user("ann", password="correct horse")

    answer = client.post("/api/v1/auth/token/", {"username": "ann", "password": "correct horse"}, "application/json")

    assert answer.status_code == 200
    assert len(answer.json()["token"]) == 40


def test_a_wrong_password_is_a_problem_in_json(client: Client) -> None:
    answer = client.post("/api/v1/auth/token/", {"username": "ann", "password": "guess"}, "application/json")
    assert answer.status_code == 400
    assert json.loads(answer.content)["type"] == "invalid"


def test_nobody_signs_up_unasked(client: Client) -> None:
    assert b"Sign Up Closed" in client.get("/accounts/signup/").content
    with override_settings(LATHE_OPEN_SIGNUP=True):
        assert b"Sign Up Closed" not in client.get("/accounts/signup/").content


def test_pages_may_run_only_our_own_scripts(client: Client) -> None:
    strict = client.get("/accounts/login/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in strict
    assert "frame-ancestors 'none'" in strict
    assert "'unsafe-inline' 'unsafe-eval'" in client.get("/admin/login/").headers["Content-Security-Policy"]


def test_the_schema_and_its_page_are_served(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 200
    assert b"cdn" not in client.get("/api/docs/").content
