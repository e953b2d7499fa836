"""What `make setup` does about things that are missing. No command runs: they are only noted."""

import os
import shutil
from pathlib import Path

import pytest

from scripts import setup


class CommandsNoted:
    """Stands where `setup.Log` runs commands."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def __call__(self, step_name: str) -> "CommandsNoted":
        return self

    def run(self, *command: str | Path, **options: object) -> None:
        self.commands.append(" ".join(map(str, command)))


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandsNoted:
    noted = CommandsNoted()
    monkeypatch.setattr(setup, "Log", noted)
    monkeypatch.setattr(setup, "NOTES", tmp_path / "notes")
    (tmp_path / "notes").mkdir()
    monkeypatch.setattr("sys.platform", "linux")
    return noted


@pytest.fixture
def libusb_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "loads", lambda library: library != "libusb-1.0.so.0")


def installed_programs(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name in names else None)


@pytest.mark.usefixtures("libusb_is_missing")
@pytest.mark.parametrize(
    ("known", "browser"), [(["chromium-headless-shell"], "chromium-headless-shell"), ([], "chromium")]
)
def test_root_gets_missing_libraries_and_chromium_by_apt(
    monkeypatch: pytest.MonkeyPatch, noted: CommandsNoted, known: list[str], browser: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(setup, "apt_has", known.__contains__)
    installed_programs(monkeypatch, "apt-get")

    setup.install_system_packages(setup.Progress(), browser=True)

    assert noted.commands == [
        "apt-get update",
        f"apt-get install --yes --no-install-recommends libusb-1.0-0 {browser}",
    ]


@pytest.mark.usefixtures("libusb_is_missing")
def test_others_are_told_the_command(monkeypatch: pytest.MonkeyPatch, noted: CommandsNoted) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    installed_programs(monkeypatch, "apt-get", "chromium")

    with pytest.raises(setup.SetupError, match=r"sudo apt-get install .* libusb-1\.0-0"):
        setup.install_system_packages(setup.Progress(), browser=True)
    assert noted.commands == []


def test_without_chromium_others_go_on(
    monkeypatch: pytest.MonkeyPatch, noted: CommandsNoted, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "loads", lambda library: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    installed_programs(monkeypatch)

    setup.install_system_packages(setup.Progress(), browser=True)

    assert "sudo apt-get install --yes --no-install-recommends chromium" in capsys.readouterr().out


def test_an_old_node_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "package.json").touch()
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.19.0\n")
    node.chmod(0o755)
    monkeypatch.setattr(setup, "UI", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: str(node))

    with pytest.raises(setup.SetupError, match=r"20\.19 or later, .*/node is v18\.19\.0"):
        setup.check_versions()


def test_a_step_runs_again_only_when_its_inputs_change_or_its_output_is_gone(
    monkeypatch: pytest.MonkeyPatch, noted: CommandsNoted, tmp_path: Path
) -> None:
    monkeypatch.setattr(setup, "CHECKOUT", tmp_path)
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    (source / "a").write_text("1")
    runs = []

    def build(log: setup.Log) -> None:
        runs.append(1)
        built.touch()

    step = setup.Step("Build", inputs=[source], outputs=[built], run=build)
    progress = setup.Progress()
    for _ in range(2):
        setup.take([step], progress)
    assert len(runs) == 1

    (source / "a").write_text("2")
    setup.take([step], progress)
    assert len(runs) == 2

    built.unlink()
    setup.take([step], progress)
    assert len(runs) == 3


def test_a_step_that_failed_runs_again(monkeypatch: pytest.MonkeyPatch, noted: CommandsNoted, tmp_path: Path) -> None:
    attempts = []

    def fail_once(log: setup.Log) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise setup.SetupError("no network")

    step = setup.Step("Fetch", inputs=[], outputs=[], run=fail_once)
    with pytest.raises(setup.SetupError):
        setup.take([step], setup.Progress())
    setup.take([step], setup.Progress())
    setup.take([step], setup.Progress())
    assert len(attempts) == 2
