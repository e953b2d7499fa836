"""Words become parameters; what the library does not know becomes the nearest thing, and says so."""

from collections.abc import Callable

import numpy as np
import pytest

from model_workers.generators.protocol import GenerationContext, GeneratorError
from model_workers.generators.text_to_3d import TextTo3D, category_for
from model_workers.generators.wording import tokens, understand
from training_loop.shape_library import CATEGORIES, build_shape, describe

MakeContext = Callable[..., GenerationContext]


def extents(proposal_mesh: object) -> np.ndarray:
    return np.ptp(np.asarray(proposal_mesh.vertices), axis=0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("category", "description", "expected", "how"),
    [
        ("mug", "something else entirely", "mug", "category"),
        (None, "a red mug with a spoon on a table", "mug", "noun"),
        (None, "Couches", "sofa", "noun"),
        (None, "a wooden kitchen chair", "chair", "noun"),
        ("armchair", "", "chair", "group"),
    ],
)
def test_the_category_comes_from_the_words(category: str | None, description: str, expected: str, how: str) -> None:
    found, found_how = category_for(category, description)
    assert found_how == how
    assert found == expected or (how == "group" and found in CATEGORIES)


def test_an_unknown_thing_becomes_the_nearest_and_says_so(make_context: MakeContext) -> None:
    (proposal, *_) = TextTo3D().generate(make_context(description="bottel"))
    assert proposal.parameters["category"] == "bottle"
    assert proposal.parameters["matched_by"].startswith("similarity 0.")


def test_without_words_it_refuses(make_context: MakeContext) -> None:
    with pytest.raises(GeneratorError, match="needs a category or a description"):
        list(TextTo3D().generate(make_context()))


def test_words_that_the_category_knows_become_parameters() -> None:
    height = describe("mug").parameters["height"]
    for seed in range(5):
        wish = understand("mug", "a tall red mug", seed=seed)
        assert wish.overrides["colour"] == "red"
        assert height.word(wish.overrides["height"]) == "tall"
        assert (wish.stretch, wish.tint) == ((1.0, 1.0, 1.0), None)


def test_the_librarys_own_descriptions_are_understood() -> None:
    """What `build_shape` says of an instance, read back, names the same things."""
    agreed, said = 0, 0
    for category in CATEGORIES:
        instance = build_shape(category, 5)
        wish = understand(category, instance.description, seed=1)
        for name, value in wish.overrides.items():
            parameter = describe(category).parameters[name]
            said += 1
            agreed += parameter.word(value) == parameter.word(instance.parameters[name])
    assert said > 100
    assert agreed / said > 0.95


def test_words_that_it_does_not_know_stretch_and_tint(make_context: MakeContext) -> None:
    plain = next(TextTo3D().generate(make_context(category="rocket", seeds=(4,))))
    flat = next(TextTo3D().generate(make_context(category="rocket", description="flat purple rocket", seeds=(4,))))
    assert flat.parameters["stretch"] == [1.0, 0.55, 1.0]
    np.testing.assert_allclose(extents(flat.mesh), extents(plain.mesh) * (1.0, 0.55, 1.0))


def test_seeds_vary_what_the_words_leave_open(make_context: MakeContext) -> None:
    context = make_context(category="chair", description="oak chair", seeds=(1, 2, 3))
    proposals = list(TextTo3D().generate(context))
    assert [proposal.seed for proposal in proposals] == [1, 2, 3]
    assert len({proposal.parameters["description"] for proposal in proposals}) > 1
    assert all("oak" in proposal.parameters["description"] for proposal in proposals)


def test_tokens_are_singular_and_without_filler() -> None:
    assert tokens("The two big vases with glasses on benches") == ["two", "large", "vase", "glass", "bench"]
