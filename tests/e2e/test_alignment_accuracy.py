"""From the assisted start, what a person could press and read brings most scenes of known pose to ADD-S@0.1."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from playwright.sync_api import expect

from engine.alignment.models import Alignment
from engine.alignment.pose_agreement import PoseAgreement, PosedMesh
from engine.alignment.rescoring import score_alignment
from engine.contracts.poses import Pose
from engine.contracts.serialisation import from_json
from tests.e2e.alignment_desk import SLOWEST_MS, Desk, take_seat
from tests.e2e.alignment_queue import queue_alignment
from tests.e2e.conftest import OpenPage
from tests.measured_scenes import OBJECTS, measured_scene, needs_shared_data
from tests.posed_scenes import PosedScene, posed_scene
from tests.stage_fixtures import handed_over, no_worker, own_store  # noqa: F401

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("handed_over", "no_worker"),
    pytest.mark.timeout(1200),
]

CATEGORIES = ("mug", "chair", "car", "sofa", "teapot", "airplane", "table", "lamp", "bottle", "vase")
MOST_ACTIONS = 12
MOST_DEGREES = 20  # modulo the symmetries of the shape
GOOD_ENOUGH = 1.9


class Person(Desk):
    """Counts every key press and click."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.page)
        self.actions = 0

    def act(self, key: str) -> None:
        """One action."""
        self.actions += 1
        self.page.keyboard.press(key)
        for name in ("Snap", "Try others"):
            expect(self.page.get_by_role("button", name=name)).to_be_enabled(timeout=SLOWEST_MS)

    def fit(self) -> float:
        """Both scores together."""
        silhouette, points = self.scores()
        return silhouette + (points or 0)

    def place(self) -> None:
        """Snap; where that does not fit, take the best of the other poses and snap again; keep what fits best."""
        self.snap()
        before = self.fit()
        if before >= GOOD_ENOUGH:
            return
        self.act("o")
        if self.page.get_by_role("button", name="Proposal 1").count() == 0:
            return
        self.act("1")
        self.snap()
        while self.fit() < before and self.actions < MOST_ACTIONS - 1:
            self.act("z")

    def snap(self) -> None:
        """Snap, and do what the page says where it fits better front to back."""
        self.act("a")
        if self.page.get_by_text("Front to back it fits better").is_visible():
            self.act("m")
            self.act("a")


@dataclass(frozen=True)
class Placed:
    """One scene, how it was placed, and against the truth."""

    actions: int
    agreement: PoseAgreement

    @property
    def right(self) -> bool:
        """ADD-S@0.1 within the actions that one has, and not turned: a wrong side passes ADD-S where it looks alike."""
        return self.agreement.agrees and self.agreement.rotation_degrees < MOST_DEGREES and self.actions <= MOST_ACTIONS


def place_all(person_page: OpenPage, scenes: dict[str, PosedScene]) -> list[Placed]:
    """Take the queue one by one; `scenes` are by work item. The engine's scores must be the page's."""
    desk = take_seat(person_page)
    actions: dict[str, int] = {}
    shown = ""
    for _ in scenes:
        shown = desk.scene_is_shown(other_than=shown)
        person = Person(desk)
        person.place()
        desk.scores()
        desk.hand_in()
        actions[shown] = person.actions + 1
    expect(desk.page.get_by_text("Nothing waits to be placed")).to_be_visible()
    placed = []
    for pk, scene in scenes.items():
        score_alignment(work_item_id=UUID(pk))
        alignment = Alignment.objects.select_related("target").get(pk=UUID(pk))
        assert alignment.client_silhouette_iou == pytest.approx(alignment.silhouette_iou, abs=0.01)
        assert alignment.client_inlier_share == pytest.approx(alignment.inlier_share, abs=0.01)
        mesh = PosedMesh(scene.vertices_object, scene.faces)
        placed.append(Placed(actions[pk], mesh.compare(from_json(Pose, alignment.pose), scene.pose)))
        print(f"{alignment.target.category}: {placed[-1]}, {alignment.silhouette_iou:.3f} {alignment.inlier_share:.3f}")
    return placed


def test_scripted_people_place_eight_in_ten(person_page: OpenPage) -> None:
    scenes = {}
    for category in CATEGORIES:
        scene = posed_scene(category, seed=3)
        scenes[str(queue_alignment(scene, category=category).pk)] = scene
    placed = place_all(person_page, scenes)
    assert sum(one.right for one in placed) >= 0.8 * len(placed), placed


@needs_shared_data
def test_scripted_people_place_what_others_measured(person_page: OpenPage) -> None:
    scenes = {}
    for name in OBJECTS:
        scene, camera = measured_scene(name)
        scenes[str(queue_alignment(scene, camera=camera, category=name).pk)] = scene
    placed = place_all(person_page, scenes)
    agreeing = [one for one in placed if one.agreement.agrees and one.actions <= MOST_ACTIONS]
    assert len(agreeing) >= 0.8 * len(placed), placed  # the mug's handle is hidden
