"""What half an hour of a GPU is for, one phase a call: train `mini`; choose the flywheel's settings, turn it.

    python -m scripts.gpu_session --out $OUT --phase mini --minutes 9
    python -m scripts.gpu_session --out $OUT --phase pilots --minutes 7
    python -m scripts.gpu_session --out $OUT --phase miniature --minutes 9 --set 'dpo={"steps": 60, "batch_size": 64}'
    python -m scripts.gpu_session --out $OUT --phase miniature --minutes 9 --resume carried/report.json
    python -m scripts.gpu_session --out DIR --phase mini --dry                # all lines, in minutes of a CPU

Ends by itself within its minutes. Whatever was done by then lies in the folder, in at most eight files of at most
16 MB; the same phase with what it left goes on. `docs/experiments/README.md` says what to call, check and keep.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from training_loop.shipped import SHIPPED_CHECKPOINT

# Bundled with scikit-image. What is measured on was pasted into by no training.
TRAINED_ON = ("coffee", "motorcycle_left", "astronaut", "camera", "coins", "brick", "grass", "gravel")
MEASURED_ON = ("chelsea", "rocket", "clock_motion", "hubble_deep_field")
PICTURES = (".png", ".jpg")
# Of the time that a call has, after Python has started and the first shapes are made.
SHARES = {"pretrain": 0.34, "midtrain_fo": 0.30, "midtrain_osr": 0.22, "distil": 0.14}
RESERVED_SECONDS, SECONDS_TO_REPORT = 60.0, 25.0
TARGETS_PER_GPU, CORES_FOR_LAUNCHING = 512, 3
MOST_FILES, MOST_BYTES = 8, 16 * 2**20
# A failure on several GPUs that shows this early is made good on one.
LATEST_FALLBACK_SECONDS = 150.0
# So many fill one GPU and its memory; each wants a core and a half. What takes turns on a GPU loses by it.
FLYWHEELS_AT_ONCE, CORES_EACH = 7, 1.5
# What settings are chosen by counts for nothing else.
PILOT_SEED = 10
PHASES = ("mini", "pilots", "miniature")


def main(argv: list[str] | None = None) -> int:
    """Run one phase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phase", choices=PHASES, required=True)
    parser.add_argument("--minutes", type=float, default=9.0, help="of this call")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED_CHECKPOINT, help="to train on, or the base")
    parser.add_argument("--only", nargs="+", choices=tuple(SHARES), help="phases of the training that are left")
    parser.add_argument("--resume", type=Path, help="report.json of an earlier call")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", help="only these of the miniature")
    parser.add_argument(
        "--banks",
        type=Path,
        default=Path(tempfile.gettempdir()) / "miniature_banks",
        help="shapes that a call leaves to the next",
    )
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a setting of the miniature")
    parser.add_argument("--dry", action="store_true", help="everything tiny, on a CPU")
    options = parser.parse_args(argv)
    started = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    _say(f"{torch.cuda.device_count()} GPUs, {os.cpu_count()} cores, torch {torch.__version__}")
    # Beside the folder that comes back: two folders of pictures are no results.
    pictures = Path(tempfile.gettempdir()) / f"gpu_session_{os.getpid()}"
    trained, measured = photographs(pictures / "trained", TRAINED_ON), photographs(pictures / "measured", MEASURED_ON)
    try:
        if options.phase == "mini":
            code = train_mini(options, trained, started)
        else:
            code = turn_miniature(options, trained, measured, started)
    finally:
        shutil.rmtree(pictures, ignore_errors=True)
    return code or check_files(options.out)


def train_mini(options: argparse.Namespace, photographs: Path, started: float) -> int:
    """All phases of `mini` within the minutes, on every GPU that is there."""
    wanted = options.only or list(SHARES)
    seconds = 60 * options.minutes - RESERVED_SECONDS - (time.monotonic() - started)
    share = sum(SHARES[name] for name in wanted)
    phases = [f"{name}={max(1.0, seconds * SHARES[name] / share):.0f}" for name in wanted]
    gpus = max(1, torch.cuda.device_count())
    if gpus > 1:
        several = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus), "-m"]
        begun = time.monotonic()
        command = [sys.executable, "-m", *several, *training_command(options, photographs, phases, gpus=gpus)]
        code = _run(command, 60 * options.minutes - 10 - (begun - started))
        if not code or time.monotonic() - begun > LATEST_FALLBACK_SECONDS:
            return code
        _say("two GPUs did not work; on with one")
        left = 60 * options.minutes - RESERVED_SECONDS - (time.monotonic() - started)
        phases = [f"{name}={left * SHARES[name] / share:.0f}" for name in wanted]
    command = [sys.executable, "-m", *training_command(options, photographs, phases, gpus=1)]
    return _run(command, 60 * options.minutes - 10 - (time.monotonic() - started))


def training_command(options: argparse.Namespace, photographs: Path, phases: list[str], *, gpus: int) -> list[str]:
    """Module and arguments of the training on so many GPUs; a step's targets grow with them, its length does not."""
    command = ["training_loop.mini_training", "--output", str(options.out), "--photographs", str(photographs)]
    command += ["--parent", str(options.checkpoint)]
    if options.dry:
        sizes = {"--shapes": 8, "--batch": 2, "--chunk": 2, "--chunks": 2, "--processes": 1}
        command += ["--device", "cpu", "--no-measure"]
        phases = [f"{phase.partition('=')[0]}=1" for phase in phases]
    else:
        # What launches kernels must not wait for a core.
        processes = max(1, (os.cpu_count() or 1) // gpus - CORES_FOR_LAUNCHING)
        sizes = {"--batch": TARGETS_PER_GPU * gpus, "--processes": processes}
    command += [str(word) for pair in sizes.items() for word in pair]
    return [*command, "--phases", *phases]


def turn_miniature(options: argparse.Namespace, trained: Path, measured: Path, started: float) -> int:
    """The flywheel itself, then what it is without one of its parts; or pilots of it."""
    if options.resume is not None and not (options.out / "report.json").exists():
        shutil.copy(options.resume, options.out / "report.json")
    seeds = [PILOT_SEED] if options.phase == "pilots" else options.seeds
    command = [sys.executable, "-m", "scripts.miniature", str(options.out), "--checkpoint", str(options.checkpoint)]
    command += ["--photographs", str(trained), "--unseen-photographs", str(measured)]
    command.append("--pilots" if options.phase == "pilots" else "--ablations")
    if options.variants:
        command += ["--variants", *options.variants]
    command += [word for text in options.set for word in ("--set", text)]
    if options.dry:
        command += ["--tiny", "--at-once", "2", "--seeds", "0"]
    else:
        cores = os.cpu_count() or 1
        at_once = min(FLYWHEELS_AT_ONCE * max(1, torch.cuda.device_count()), int(cores / CORES_EACH))
        command += ["--device", "cuda", "--at-once", str(at_once), "--banks", str(options.banks)]
        command += ["--processes", str(cores), "--seeds", *map(str, seeds)]
    left = 60 * options.minutes - (time.monotonic() - started)
    return _run([*command, "--minutes", f"{(left - SECONDS_TO_REPORT) / 60:.2f}"], left - 5)


def photographs(folder: Path, names: Sequence[str]) -> Path:
    """Pictures of scikit-image by their names, in a folder of their own.

    Raises:
        FileNotFoundError: one is not bundled with the installed version.
    """
    import skimage

    bundled = Path(skimage.__file__).parent / "data"
    folder.mkdir(parents=True)
    for name in names:
        found = next((bundled / (name + suffix) for suffix in PICTURES if (bundled / (name + suffix)).exists()), None)
        if found is None:
            raise FileNotFoundError(f"scikit-image {skimage.__version__} does not bundle the picture {name}")
        shutil.copy(found, folder / found.name)
    return folder


def check_files(folder: Path) -> int:
    """Say what lies in the folder, and whether all of it may come back."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        _say(f"{path.relative_to(folder)}  {path.stat().st_size / 2**20:.2f} MiB")
    large = [path.name for path in files if path.stat().st_size > MOST_BYTES]
    if len(files) > MOST_FILES or large:
        _say(f"too much to come back: {len(files)} files, too large: {', '.join(large) or 'none'}")
        return 1
    return 0


def _run(command: list[str], seconds: float) -> int:
    """Run a command; end it, with what it has started, when the time is over."""
    _say(" ".join(command))
    process = subprocess.Popen(command, process_group=0)
    try:
        return process.wait(timeout=max(seconds, 1.0))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        _say("out of time: what was saved until now is what there is")
        return 0


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
