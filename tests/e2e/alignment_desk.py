"""What a person at the Stage 3 page sees and does, for tests: numbers are read where people read them."""

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from engine.workforce.models import Role
from tests.e2e.conftest import OpenPage, keep_screenshot
from tests.factories import make_user

SLOWEST_MS = 60_000  # help, and whatever else is computed, on a busy machine
FIELDS = ("x", "y", "z", "size", "heading", "tilt", "roll")


@dataclass(frozen=True)
class Box:
    """An element on the screen, in CSS pixels."""

    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixel at shares of width and height."""
        return self.left + x * self.width, self.top + y * self.height


class Desk:
    """The page of Stage 3, with a scene on show."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def scene_is_shown(self, *, other_than: str = "") -> str:
        """Wait until a scene is complete and scored, another one than before if given; returns its work item."""
        self.page.wait_for_function(
            "before => { const shown = document.querySelector('canvas[data-shown]')?.dataset.shown;"
            " const silhouette = document.querySelector('[data-score=silhouette]')?.dataset.value;"
            " return shown && shown !== before && silhouette; }",
            arg=other_than,
        )
        return str(self.page.locator("canvas[data-shown]").get_attribute("data-shown"))

    def pose(self) -> dict[str, float]:
        """The numbers of the pose, as they stand on the page."""
        values: dict[str, str] = self.page.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('[data-field]')]"
            ".map(field => [field.dataset.field, field.value]))"
        )
        return {name: float(values[name]) for name in FIELDS}

    def press(self, *keys: str) -> dict[str, float]:
        """Press keys one after the other; returns the pose after the last."""
        for key in keys:
            self.page.keyboard.press(key)
        return self.pose()

    def pose_other_than(self, before: dict[str, float]) -> dict[str, float]:
        """Wait until the object stands elsewhere: help and the wheel take their time; returns the pose."""
        self.page.wait_for_function(
            "before => [...document.querySelectorAll('[data-field]')]"
            ".some(({ dataset, value }) => Number(value) !== before[dataset.field])",
            arg=before,
        )
        return self.pose()

    def hand_in(self) -> None:
        """Press Enter, which counts once the scene was on show for a moment: a second press is no answer."""
        expect(self.page.get_by_role("button", name="Submit", exact=True)).to_be_enabled()
        self.page.keyboard.press("Enter")

    def ask(self, key: str, name: str) -> None:
        """Press the key of a help and wait until it came."""
        self.page.keyboard.press(key)
        expect(self.page.get_by_role("button", name=name, exact=True)).to_be_enabled(timeout=SLOWEST_MS)

    def redraw(self) -> None:
        """Have another frame drawn."""
        frames = self.page.locator("canvas[data-shown]").get_attribute("data-frames")
        self.press("c", "c")
        self.page.wait_for_function(
            "before => document.querySelector('canvas[data-shown]').dataset.frames !== before", arg=frames
        )

    def scores(self) -> tuple[float, float | None]:
        """Silhouette IoU and share of near points, once both belong to the pose on the screen."""
        self.page.wait_for_function("() => !document.querySelector('[data-scores=behind]')")
        values = [
            self.page.locator(f"[data-score={name}]").get_attribute("data-value") for name in ("silhouette", "points")
        ]
        return float(values[0] or "nan"), float(values[1]) if values[1] else None

    def view(self, name: str) -> Box:
        """Where one of the two views lies: `scene` or `photograph`."""
        box = self.page.locator(f"[data-view={name}]").bounding_box()
        assert box is not None
        return Box(box["x"], box["y"], box["width"], box["height"])

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, button: str = "left") -> dict[str, float]:
        """Press, move and let go; returns the pose afterwards."""
        self.page.mouse.move(*start)
        self.page.mouse.down(button=button)  # type: ignore[arg-type]
        self.page.mouse.move(*end, steps=2)
        self.page.mouse.up(button=button)  # type: ignore[arg-type]
        return self.pose()

    def click(self, name: str, *, exact: bool = True) -> dict[str, float]:
        """Click the button of this name; returns the pose afterwards."""
        self.page.get_by_role("button", name=name, exact=exact).click()
        return self.pose()

    def is_pressed(self, name: str, pressed: bool = True) -> None:
        """Wait until a button is (not) pressed."""
        button = self.page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-pressed", str(pressed).lower())


def keep_screenshots(page: Page, name: str, *sizes: tuple[int, int]) -> None:
    """Keep what the page looks like in windows of these sizes."""
    usual = page.viewport_size
    assert usual is not None
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        keep_screenshot(page, f"{name}-{width}")
    page.set_viewport_size(usual)


def take_seat(person_page: OpenPage, **window: object) -> Desk:
    """Ada, an annotator, at the first task. Her window is small: it is drawn without a graphics card."""
    make_user(Role.ANNOTATOR, username="ada")
    page = person_page("ada", **({"width": 1120, "height": 620} | window))  # type: ignore[arg-type]
    page.get_by_role("link", name="Start: Place it in the scene").press("Enter")
    desk = Desk(page)
    desk.scene_is_shown()
    return desk
