"""Photographs, point maps and targets on their way in."""

from uuid import uuid4

import numpy as np
import pytest

from engine.contracts.cameras import Intrinsics, unproject
from engine.contracts.masks import decode_mask
from engine.contracts.point_maps import unpack_point_map
from engine.contracts.targets import PointMapScale, PointMapSource
from engine.lifecycle import State
from engine.sourcing import services
from engine.sourcing.masks import MaskRefused
from engine.sourcing.models import Image, MaskTask, PointMap, TargetObject
from engine.sourcing.photographs import ImageRefused
from engine.sourcing.point_maps import PointMapRefused
from engine.storage.services import read_blob
from engine.workforce.models import AuditEvent, Stage
from tests.integration.sourcing.photographs import HEIGHT, WIDTH, photograph, png, square

pytestmark = pytest.mark.django_db
CAMERA = Intrinsics(fx=60.0, fy=60.0, cx=WIDTH / 2, cy=HEIGHT / 2, width=WIDTH, height=HEIGHT)


@pytest.fixture
def image() -> Image:
    return services.register_image(data=photograph(), source="test/one")


def test_an_image_is_stored_with_its_measures(image: Image) -> None:
    assert (image.width_px, image.height_px) == (WIDTH, HEIGHT)
    assert read_blob(blob=image.blob) == photograph()
    assert image.sharpness > 0
    assert 0 < image.brightness < 1


def test_a_known_source_returns_the_known_image(image: Image) -> None:
    again = services.register_image(data=photograph(seed=9), source="test/one")
    assert again == image
    assert Image.objects.count() == 1


def test_a_refused_image_leaves_nothing_behind() -> None:
    with pytest.raises(ImageRefused):
        services.register_image(data=photograph()[:200], source="test/cut")
    assert not Image.objects.exists()


def test_near_duplicates_are_found_by_hash(image: Image) -> None:
    twin = services.register_image(data=photograph(height=96, width=128), source="test/larger")
    services.register_image(data=photograph(seed=5), source="test/other")
    near = Image.objects.near_duplicates_of(image.perceptual_hash)
    assert set(near) == {image, twin}


def test_a_target_waits_for_a_person_unless_verified(image: Image) -> None:
    proposed = services.register_target(image_id=image.id, mask=square(), source="0", category="Coffee mugs")
    assert (proposed.state, proposed.category, proposed.free_category) == (State.PROPOSED, "mug", "")
    task = MaskTask.objects.select_related("work_item").get(target=proposed)
    assert (task.work_item.stage, task.work_item.subject_id) == (Stage.MASK, proposed.id)

    verified = services.register_target(image_id=image.id, mask=square(left=40), source="1", verified=True)
    assert verified.state == State.READY
    assert not MaskTask.objects.filter(target=verified).exists()
    events = AuditEvent.objects.filter(subject_id=verified.id).order_by("id")
    assert list(events.values_list("verb", "from_state", "to_state")) == [
        ("propose", "", "proposed"),
        ("verify", "proposed", "ready"),
    ]


def test_the_mask_comes_back_as_it_was(image: Image) -> None:
    mask = square()
    mask[12:15, 25:28] = False
    target = services.register_target(image_id=image.id, mask=mask, source="0")
    assert target.mask_area_px == mask.sum()
    assert np.array_equal(decode_mask(services.mask_of(target)), mask)


def test_a_target_is_registered_once_by_its_source(image: Image) -> None:
    first = services.register_target(image_id=image.id, mask=square(), source="0")
    again = services.register_target(image_id=image.id, mask=square(), source="0", verified=True)
    assert (again.id, again.state) == (first.id, State.PROPOSED)
    assert MaskTask.objects.count() == 1


def test_an_unknown_category_is_kept_as_written(image: Image) -> None:
    target = services.register_target(image_id=image.id, mask=square(), source="0", category="Zyxglorp of Umber")
    assert (target.category, target.free_category) == ("", "Zyxglorp of Umber")


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (square(width=63), "is 63×48, its image 64×48"),
        (np.zeros((HEIGHT, WIDTH), dtype=np.bool_), "empty"),
        (square(side=1), "1 pixel"),
    ],
)
def test_a_refused_mask_leaves_nothing_behind(image: Image, mask: np.ndarray, reason: str) -> None:
    with pytest.raises(MaskRefused, match=reason):
        services.register_target(image_id=image.id, mask=mask, source="0")
    assert not TargetObject.objects.exists()


def test_the_smallest_mask_is_a_setting(image: Image, settings) -> None:
    settings.LATHE_MIN_MASK_PX = 400
    with pytest.raises(MaskRefused, match="at least 400"):
        services.register_target(image_id=image.id, mask=square(), source="0")


def test_nothing_is_registered_for_an_image_that_does_not_exist() -> None:
    with pytest.raises(services.NoSuchImage):
        services.register_target(image_id=uuid4(), mask=square(), source="0")
    with pytest.raises(services.NoSuchImage):
        give_depth(uuid4())


def give_depth(image_id, depth: np.ndarray | None = None, **changes: object) -> PointMap:
    values: dict[str, object] = {
        "depth": np.full((HEIGHT, WIDTH), 2.0) if depth is None else depth,
        "intrinsics": CAMERA,
        "scale": PointMapScale.METRIC,
        "source": PointMapSource.GIVEN,
    } | changes
    return services.register_point_map(image_id=image_id, **values)


def test_a_point_map_is_stored_as_the_contract_says(image: Image) -> None:
    depth = np.full((HEIGHT, WIDTH), 2.0)
    depth[:12] = 0
    point_map = give_depth(image.id, depth)
    points = unpack_point_map(read_blob(blob=point_map.blob))
    assert (points.shape, points.dtype) == ((HEIGHT, WIDTH, 3), np.float32)
    assert np.isnan(points[:12]).all()
    assert points[12:, :, 2] == pytest.approx(2.0)
    assert point_map.valid_share == pytest.approx(0.75)
    assert services.intrinsics_of(point_map) == CAMERA


def test_giving_the_same_map_again_changes_nothing_and_another_one_counts(image: Image) -> None:
    first = give_depth(image.id)
    assert give_depth(image.id) == first
    second = give_depth(image.id, np.full((HEIGHT, WIDTH), 3.0))
    assert PointMap.objects.newest(image_id=image.id) == second
    assert PointMap.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"depth": np.full((HEIGHT, WIDTH - 1), 2.0)}, "shape"),
        ({"depth": np.full((HEIGHT, WIDTH), np.nan)}, "no finite point"),
        ({"depth": None, "points": unproject(np.full((HEIGHT, WIDTH), 2.0), CAMERA)[..., :2]}, "shape"),
        ({"points": unproject(np.full((HEIGHT, WIDTH), 2.0), CAMERA)}, "not both"),
        ({"intrinsics": Intrinsics(60, 60, 32, 24, 128, 96)}, "are of a 128×96 image"),
        ({"depth": np.full((HEIGHT, WIDTH), 2350.0)}, "2350 m away"),
        ({"depth": np.full((HEIGHT, WIDTH), 0.002)}, "0.002 m away"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(image: Image, changes: dict[str, object], reason: str) -> None:
    depth = changes.pop("depth", np.full((HEIGHT, WIDTH), 2.0))
    with pytest.raises(PointMapRefused, match=reason):
        services.register_point_map(
            image_id=image.id,
            **{"depth": depth, "intrinsics": CAMERA, "scale": "metric", "source": "given"} | changes,
        )
    assert not PointMap.objects.exists()


def test_a_relative_map_may_have_any_unit(image: Image) -> None:
    point_map = services.register_point_map(
        image_id=image.id,
        depth=np.full((HEIGHT, WIDTH), 2350.0),
        intrinsics=CAMERA,
        scale="relative",
        source="given",
    )
    assert point_map.scale == "relative"


def test_where_no_map_is_known_a_prior_is_made_once(image: Image) -> None:
    target = services.register_target(image_id=image.id, mask=square(), source="0", verified=True)
    prior = services.ensure_point_map(target=target)
    assert (prior.source, prior.scale, prior.valid_share) == (PointMapSource.PRIOR, PointMapScale.RELATIVE, 1.0)
    assert services.ensure_point_map(target=target) == prior

    services.register_target(image_id=image.id, mask=square(left=2), source="1", verified=True)
    assert services.ensure_point_map(target=target) != prior  # another object stands in the scene now


def test_a_given_map_is_never_replaced_by_a_prior(image: Image) -> None:
    target = services.register_target(image_id=image.id, mask=square(), source="0", verified=True)
    given = give_depth(image.id)
    assert services.ensure_point_map(target=target) == given


def test_workers_are_told_everything_in_two_queries(image: Image, django_assert_num_queries) -> None:
    target = services.register_target(image_id=image.id, mask=square(), source="0", category="mug", description="white")
    give_depth(image.id)
    with django_assert_num_queries(2):
        found = services.target_input(target_id=target.id)
    assert (found.target_id, found.category, found.description) == (str(target.id), "mug", "white")
    assert found.point_map is not None
    assert found.point_map.intrinsics == CAMERA
    with pytest.raises(services.NoSuchTarget):
        services.target_input(target_id=uuid4())


def test_a_grey_photograph_is_stored_as_rgb() -> None:
    image = services.register_image(data=png(np.full((20, 30), 128, np.uint8)), source="test/grey")
    assert image.blob.media_type == "image/png"
