"""What a loan of a GPU runs: pictures, time and files."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from scripts.gpu_session import MEASURED_ON, SHARES, TRAINED_ON, _run, check_files, photographs
from training_loop.mini_training import SCENES_OF


def test_pictures_to_measure_on_are_not_those_to_train_on(tmp_path):
    folders = [photographs(tmp_path / name, names) for name, names in (("a", TRAINED_ON), ("b", MEASURED_ON))]
    found = [{np.asarray(Image.open(path).convert("RGB")).tobytes() for path in folder.iterdir()} for folder in folders]
    assert [len(pictures) for pictures in found] == [8, 4]
    assert not found[0] & found[1]
    with pytest.raises(FileNotFoundError, match="unicorn"):
        photographs(tmp_path / "c", ["unicorn"])


def test_the_phases_share_all_of_the_time():
    assert list(SHARES) == list(SCENES_OF)
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_more_files_than_come_back_are_an_error(tmp_path, capsys):
    for number in range(8):
        (tmp_path / f"{number}.json").write_text("{}")
    assert check_files(tmp_path) == 0
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "9.json").write_text("{}")
    assert check_files(tmp_path) == 1
    assert "9 files" in capsys.readouterr().out


def test_a_command_that_outlasts_its_time_is_ended_and_what_it_left_counts(capsys):
    assert _run([sys.executable, "-c", "import threading; threading.Event().wait()"], 0.0) == 0
    assert "out of time" in capsys.readouterr().out
    assert _run([sys.executable, "-c", "raise SystemExit(3)"], 60.0) == 3


@pytest.mark.timeout(600)
def test_what_a_rented_machine_lacks_is_not_needed():
    lacking = ("django", "celery", "rest_framework", "boto3", "webdataset", "open3d", "transformers")
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in lacking)
    wanted = "scripts.gpu_session, scripts.miniature.__main__, training_loop.mini_training"
    code = f"import sys; {blocked}; import {wanted}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
