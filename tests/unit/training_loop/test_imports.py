import subprocess
import sys

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


def test_the_command_line_explains_itself():
    result = subprocess.run(
        [sys.executable, "-m", "training_loop", "--help"], capture_output=True, text=True, check=True
    )
    for word in ("pretrain", "train", "sample", "evaluate", "convert", "encoder", "examples:"):
        assert word in result.stdout
