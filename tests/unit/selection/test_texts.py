"""What annotators read is there, and names its version."""

import pytest

from engine.alignment import texts as alignment
from engine.artistry import texts as artistry
from engine.contracts.generation import Modality
from engine.selection import texts as selection
from engine.selection.models import FailureReason


def test_the_rubric_anchors_the_whole_range_and_every_reason():
    rubric = selection.rubric()
    assert rubric.version == "v1"
    for anchor in ("**0**", "**0.25**", "**0.5**", "**0.75**", "**1**"):
        assert anchor in rubric.markdown
    for reason in FailureReason.values:
        assert reason.replace("_", " ") in rubric.markdown


def test_a_texture_is_rated_by_a_rubric_of_its_own():
    rubric = selection.rubric(Modality.TEXTURE)
    assert rubric.version == selection.guidelines(Modality.TEXTURE).version == "texture-v1"
    for anchor in ("**0**", "**0.25**", "**0.5**", "**0.75**", "**1**"):
        assert anchor in rubric.markdown
    assert selection.guidelines(Modality.TEXTURE).markdown.startswith("# Stage 2")


@pytest.mark.parametrize("texts", [artistry, alignment])
def test_every_stage_has_guidelines(texts):
    assert texts.guidelines().version == texts.GUIDELINE_VERSION
    assert texts.guidelines().markdown.startswith("# Stage")


def test_shapes_have_guidelines():
    assert selection.guidelines().version == "v1"
    assert selection.guidelines().markdown.startswith("# Stage")
