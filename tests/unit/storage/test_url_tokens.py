"""Tokens of signed URLs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage.url_tokens import UrlExpired, UrlInvalid, opaque_tag, read_token, sign_token

KEY = b"a secret"
DIGEST = "ab" * 32


def sign(**changes: Any) -> str:
    usual: dict[str, Any] = {
        "sha256": DIGEST,
        "media_type": "model/gltf-binary",
        "expires_seconds": 100,
        "now": 1000.0,
    }
    return sign_token(KEY, **(usual | changes))


def test_a_token_grants_what_was_signed() -> None:
    grant = read_token(KEY, sign(filename="mesh.glb"), now=1001.0)
    assert (grant.sha256, grant.media_type, grant.filename) == (DIGEST, "model/gltf-binary", "mesh.glb")


@given(now=st.floats(0, 2e9), seconds=st.integers(1, 10**6))
def test_a_token_is_good_for_the_time_asked_and_at_most_twice_that(now: float, seconds: int) -> None:
    token = sign(now=now, expires_seconds=seconds)
    expires_at = read_token(KEY, token, now=now).expires_at
    assert now + seconds <= expires_at <= now + 2 * seconds + 1
    with pytest.raises(UrlExpired, match="expired"):
        read_token(KEY, token, now=float(expires_at))


def test_a_page_opened_again_soon_gets_the_same_url() -> None:
    assert sign(now=1000.0) == sign(now=1050.0)


def test_a_token_says_nothing_to_its_holder() -> None:
    token = sign()
    for telling in (DIGEST, DIGEST[:8], "gltf"):
        assert telling not in token
    other = sign(sha256="cd" * 32)
    assert len(token) == len(other)
    assert token[:8] != other[:8]


@pytest.mark.parametrize("token", ["", "x", "%%%", "é", sign()[:-4], "A" + sign()[1:], sign() + "AAAA"])
def test_altered_tokens_are_refused(token: str) -> None:
    with pytest.raises(UrlInvalid):
        read_token(KEY, token, now=1001.0)


def test_tokens_of_another_key_are_refused() -> None:
    with pytest.raises(UrlInvalid):
        read_token(b"another secret", sign(), now=1001.0)


def test_entity_tags_differ_by_content_and_do_not_tell_it() -> None:
    assert opaque_tag(KEY, DIGEST) != opaque_tag(KEY, "cd" * 32)
    assert DIGEST[:6] not in opaque_tag(KEY, DIGEST)
