"""`manage.py flywheel` and `manage.py export_snapshot`, as an operator types them."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from engine.flywheel.models import Iteration, ModelVersion
from tests import factories as make


def flywheel(*arguments: str) -> str:
    out = StringIO()
    call_command("flywheel", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_start_status_and_the_whole_turn_read_well(world, tmp_path) -> None:
    assert "No iteration yet" in flywheel("status")
    world.add_target()
    (tmp_path / "settings.json").write_text('{"target_limit": 5}')
    assert "Iteration 1, α = 0.5" in flywheel("start", "--alpha", "0.5", "--settings", f"@{tmp_path / 'settings.json'}")
    assert Iteration.objects.get().settings["target_limit"] == 5
    world.run_until(Iteration.Step.DONE)

    text = flywheel("status")
    for words in ("collecting", "Decision: promoted", "k1-dpo", "voxel_iou 0.500"):
        assert words in text
    status = json.loads(flywheel("status", "--json"))
    assert status["promoted"] == "k1-dpo"
    assert json.loads(flywheel("report"))["snapshots"][0]["positives"] == 1

    out = StringIO()
    call_command("export_snapshot", iteration=1, to=tmp_path / "snapshot", stdout=out)
    assert "manifest.json" in out.getvalue()
    assert (tmp_path / "snapshot" / "examples-000000.tar").exists()


def test_a_failure_says_how_to_go_on(world) -> None:
    world.add_target()
    flywheel("start", "--alpha", "0.5")
    world.run_until(Iteration.Step.SFT)
    world.answer(failing="the loss is not finite")
    text = flywheel("status")
    assert "sft: the loss is not finite" in text
    assert "manage.py flywheel resume" in text
    flywheel("resume", "--settings", '{"sft": {"recipe": "mini_sft", "overrides": {"steps": 2}}}')
    assert not Iteration.objects.get().failed


def test_promote_takes_a_name(world) -> None:
    make.make_model_version(name="old", promoted=True)
    make.make_model_version(name="new")
    flywheel("promote", "new")
    assert ModelVersion.objects.get(promoted=True).name == "new"
    with pytest.raises(CommandError, match="The last ones: new, old"):
        flywheel("promote", "none")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["start", "--alpha", "2"], "must lie in"),
        (["start", "--alpha", "0.5", "--settings", "{"], "--settings"),
        (["start", "--alpha", "0.5", "--settings", "[]"], "give a JSON object"),
        (["start", "--alpha", "0.5", "--settings", "@nowhere.json"], "nowhere.json"),
        (["resume"], "There is no iteration yet"),
        (["resume", "--iteration", "9"], "There is no iteration 9"),
    ],
)
def test_mistakes_are_explained(world, arguments, says) -> None:
    with pytest.raises(CommandError, match=says):
        flywheel(*arguments)


def test_exporting_nothing_says_so(world, tmp_path) -> None:
    with pytest.raises(CommandError, match="no frozen snapshot"):
        call_command("export_snapshot", iteration=3, to=tmp_path)
