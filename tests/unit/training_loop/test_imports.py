import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import trimesh

FORBIDDEN = ("django", "open3d", "celery", "cv2", "skimage", "timm", "boto3")


def test_training_imports_no_engine_room_and_no_heavy_stranger():
    code = (
        "import importlib, pkgutil, sys\n"
        "import training_loop\n"
        "for module in pkgutil.walk_packages(training_loop.__path__, 'training_loop.'):\n"
        "    importlib.import_module(module.name)\n"
        f"loaded = [name for name in {FORBIDDEN!r} if name in sys.modules]\n"
        "rooms = [name for name in sys.modules if name.startswith('engine.')]\n"
        "loaded += [name for name in rooms if not name.startswith('engine.contracts')]\n"
        "assert not loaded, loaded\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def needed_by(requirements: list[str]) -> set[str]:
    """Names of distributions, with all that they need themselves."""
    found: set[str] = set()
    waiting = [_name(line) for line in requirements]
    while waiting:
        if (name := waiting.pop()) in found:
            continue
        found.add(name)
        try:
            waiting += [_name(line) for line in requires(name) or () if "extra ==" not in line]
        except PackageNotFoundError:
            found.remove(name)  # another platform's
    return found


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip())[0].lower().replace("_", "-")


def test_everything_works_with_the_packages_that_trainers_install(tmp_path):
    """All others are hidden: modules are imported, a recipe is shown, two meshes are measured."""
    lines = Path("requirements/training.in").read_text().splitlines()
    needed = needed_by([line for line in lines if line and not line.startswith("#")])
    assert "torch" in needed
    hidden = [
        module
        for module, owners in packages_distributions().items()
        if not {_name(owner) for owner in owners} & needed and module not in ("engine", "training_loop")
    ]
    assert {"django", "celery", "open3d", "cv2"} <= set(hidden)
    for folder in ("mine", "truth"):
        (tmp_path / folder).mkdir()
        trimesh.creation.box((1, 1, 1 + len(folder))).export(tmp_path / folder / "box.ply")
    code = (
        "import importlib, json, pkgutil, sys\n"
        "hidden = set(json.loads(sys.argv[1]))\n"
        "class Without:\n"
        "    def __init__(self, finder):\n"
        "        self.finder = finder\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return None if name.partition('.')[0] in hidden else self.finder.find_spec(name, path, target)\n"
        "    def __getattr__(self, name):\n"
        "        return getattr(self.finder, name)\n"
        "sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]\n"
        "import training_loop\n"
        "for module in pkgutil.walk_packages(training_loop.__path__, 'training_loop.'):\n"
        "    importlib.import_module(module.name)\n"
        "from training_loop.__main__ import main\n"
        "assert main(['recipes', 'mini_sft']) == 0\n"
        "folders = ['--predictions', sys.argv[2] + '/mine', '--ground-truth', sys.argv[2] + '/truth']\n"
        "pages = ['--html', sys.argv[2] + '/page.html', '--json', sys.argv[2] + '/result.json']\n"
        "assert main(['evaluate', *folders, *pages, '--points', '2000', '--emd-cells', '32']) == 0\n"
    )
    command = [sys.executable, "-c", code, json.dumps(hidden), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "result.json").read_text())["counts"]["measured"] == 1


def test_the_geometry_model_is_measured_with_torch_alone():
    strangers = (*FORBIDDEN, "trimesh", "scipy", "webdataset", "PIL", "safetensors")
    code = (
        "import sys\n"
        "import benchmarks.geometry_model\n"
        f"loaded = [name for name in {strangers!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_checkpoint_is_loaded_and_sampled_without_a_compiler():
    """Every process that proposes or measures candidates would wait two seconds for it."""
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from training_loop.api import load_generator, sample_candidates\n"
        "from training_loop.shipped import SHIPPED_CHECKPOINT\n"
        "image, mask = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), bool)\n"
        "mask[16:48, 16:48] = True\n"
        "model = load_generator(SHIPPED_CHECKPOINT)\n"
        "assert sample_candidates(model=model, image=image, mask=mask, seeds=[0], steps=2)\n"
        "loaded = [name for name in ('torch._dynamo', 'torch._inductor', 'sympy') if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_command_line_explains_itself():
    result = subprocess.run(
        [sys.executable, "-m", "training_loop", "--help"], capture_output=True, text=True, check=True
    )
    for word in ("pretrain", "train", "sample", "evaluate", "convert", "encoder", "examples:"):
        assert word in result.stdout
