"""What axe-core finds on a page: labels, roles and contrast by WCAG 2 A and AA."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from engine.embedded.places import CHECKOUT

RUN = """async () => {
    const found = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa"], resultTypes: ["violations"] });
    return found.violations.map(({ id, help, nodes }) =>
        ({ id, help, where: nodes.slice(0, 5).map(({ html }) => html.slice(0, 160)) }));
}"""


@cache
def axe() -> str:
    """The library, evaluated in the page by the browser's own protocol: the page's policy lets nobody else in."""
    return (CHECKOUT / "annotation_ui" / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page) -> list[dict[str, Any]]:
    """What is wrong now; empty where nothing is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe())
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return found
