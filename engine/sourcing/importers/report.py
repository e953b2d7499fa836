"""What an import did: counts, each refused item with its reason, and notes worth a look."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engine.errors import LatheError


@dataclass(frozen=True)
class Refusal:
    """An item that was left out, why, and what would help."""

    item: str
    code: str
    reason: str
    what_to_do: str = ""


@dataclass(frozen=True)
class Note:
    """Something worth a look about an item that was taken in."""

    item: str
    text: str


@dataclass
class ImportReport:
    """Grows while the import runs."""

    images_registered: int = 0
    images_known: int = 0
    targets_registered: int = 0
    targets_known: int = 0
    point_maps_registered: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def target_count(self) -> int:
        """Targets of this import that the engine has now."""
        return self.targets_registered + self.targets_known

    def refuse(self, item: str, error: LatheError | OSError) -> None:
        """Note that `item` was left out."""
        if isinstance(error, LatheError):
            self.refusals.append(Refusal(item, error.code, error.message, error.what_to_do))
        else:
            reason = f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
            self.refusals.append(Refusal(item, "unreadable", reason, "Check the path and its permissions."))

    def filter(self, item: str, reasons: Iterable[str]) -> None:
        """Note that a photograph was kept but refused by the filters, so that its masks were left out."""
        listed = ", ".join(reason.replace("_", " ") for reason in reasons)
        self.refusals.append(
            Refusal(
                item, "image_filtered", f"refused by the filters: {listed}", "Override it in the admin if it is good."
            )
        )

    def note(self, item: str, text: str) -> None:
        """Note something about an item that was taken in."""
        self.notes.append(Note(item, text))

    def refused_by_code(self) -> dict[str, int]:
        """How many items were refused for each kind of reason."""
        return dict(Counter(refusal.code for refusal in self.refusals).most_common())

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
