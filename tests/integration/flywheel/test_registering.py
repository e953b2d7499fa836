"""Checkpoints from elsewhere become model versions."""

import json
import struct

import pytest
from django.core.management import call_command

from engine.flywheel import services
from engine.flywheel.models import ModelVersion
from engine.flywheel.registering import SHIPPED, NameTaken, NotACheckpoint
from engine.workforce.models import AuditEvent

pytestmark = pytest.mark.django_db


def write_checkpoint(path, *, stage="distil", weights=b"", **metadata):
    info = {"stage": stage, "recipe": {"name": "own_recipe"}, "steps": 3, "metrics": {"iou": 0.5}}
    header = json.dumps({"__metadata__": {"format": "lathe-geometry-1", "info": json.dumps(info)} | metadata}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + weights)
    return path


def test_the_shipped_checkpoint_is_where_everything_begins():
    call_command("flywheel", "register", "--json")
    version = ModelVersion.objects.get()
    assert (version.name, version.stage, version.promoted, version.parent) == ("mini", "pretrain", True, None)
    assert version.recipe == "mini_distil_gpu"
    assert version.checkpoint.size_bytes == SHIPPED.stat().st_size
    assert services.pretrain() == version


def test_registering_again_changes_nothing(tmp_path):
    path = write_checkpoint(tmp_path / "own.safetensors")
    first = services.register(path=path, name="own")
    entries = AuditEvent.objects.count()
    assert services.register(path=path, name="own") == first
    assert AuditEvent.objects.count() == entries
    assert first.metrics == {"training": {"iou": 0.5}}


def test_a_later_one_waits_to_be_promoted(tmp_path):
    first = services.register(path=write_checkpoint(tmp_path / "a.safetensors"), name="a")
    second = services.register(path=write_checkpoint(tmp_path / "b.safetensors", weights=b"other"), name="b")
    assert (first.promoted, second.promoted) == (True, False)


def test_a_name_stands_for_one_checkpoint(tmp_path):
    services.register(path=write_checkpoint(tmp_path / "a.safetensors"), name="a")
    with pytest.raises(NameTaken):
        services.register(path=write_checkpoint(tmp_path / "b.safetensors", weights=b"other"), name="a")


def test_other_files_are_refused_with_the_reason(tmp_path):
    strange = write_checkpoint(tmp_path / "strange.safetensors", format="another")
    with pytest.raises(NotACheckpoint, match="'another'"):
        services.register(path=strange, name="x")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(NotACheckpoint):
        services.register(path=tmp_path / "text.safetensors", name="x")
    with pytest.raises(NotACheckpoint):
        services.register(path=tmp_path / "missing.safetensors", name="x")
    assert not ModelVersion.objects.exists()
