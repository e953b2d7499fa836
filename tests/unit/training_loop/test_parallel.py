"""Two processes, by DDP and by FSDP2, train what one process trains."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
import torch

from tests.unit.training_loop.test_data import sample_parts, write_shard
from tests.unit.training_loop.two_processes import CASES, OPTIMISER, STEPS, build, outcome, run, train
from training_loop.checkpoints import CheckpointInfo, load_model, save_model
from training_loop.parallel import Parallel, ParallelError

# Ten short trainings before the first test; and the compiler asks every tensor whether it has a gradient.
pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
]

# Softmax does not see the keys' bias, nor the tiny encoder's norms (a channel a group) that of the convolution before:
# their gradients are rounding errors, whose sign AdamW follows.
WITHOUT_GRADIENT = re.compile(r"cross_attn\.\w+\.to_kv\.bias|convolutions\.0\.bias")


def assert_same_weights(got, expected):
    for name, weight in expected.items():
        tolerance = STEPS * OPTIMISER.learning_rate if WITHOUT_GRADIENT.search(name) else 1e-5
        assert torch.allclose(got[name], weight, rtol=0, atol=tolerance), name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One process's outcomes, and those of two processes for each strategy, trained once for this module."""
    folder = tmp_path_factory.mktemp("parallel")
    torch.set_num_threads(1)
    for case in CASES:
        train(case, folder / "one", Parallel())
    for strategy in ("ddp", "fsdp"):
        train("resumed", folder / strategy, Parallel(), steps=STEPS // 2)
        (folder / strategy / "resumed.jsonl").unlink()
    model, _ = build("pretrain")
    save_model(folder / "parent.safetensors", model, CheckpointInfo())
    samples = [(key, sample_parts(key, model.config.vae.latent_shape, seed=i)) for i, key in enumerate("abc")]
    write_shard(folder / "snapshot.tar", samples)
    command = [sys.executable, "-m", "tests.unit.training_loop.two_processes", str(folder)]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    places = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    both = [
        subprocess.Popen(
            command,
            env={**os.environ, **places, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    words = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], words
    return folder


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("case", CASES)
def test_two_processes_equal_one(folder, strategy, case):
    losses, norms, weights = outcome(case, folder / "one")
    losses_of_two, norms_of_two, weights_of_two = outcome(case, folder / strategy)
    # Sums in another order; the resumed run has logged its second half alone.
    assert losses_of_two == pytest.approx(losses[-len(losses_of_two) :], rel=1e-5)
    assert norms_of_two == pytest.approx(norms[-len(norms_of_two) :], rel=1e-4)
    assert len(losses_of_two) == (STEPS // 2 if case == "resumed" else STEPS)
    assert_same_weights(weights_of_two, weights)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_one_process_goes_on_where_two_stopped(folder, strategy, tmp_path):
    shutil.copy(folder / strategy / "pretrain.pt", tmp_path / "pretrain.pt")
    train("pretrain", tmp_path, Parallel(), steps=STEPS + 1)
    train("pretrain", tmp_path / "whole", Parallel(), steps=STEPS + 1)
    assert_same_weights(outcome("pretrain", tmp_path)[2], outcome("pretrain", tmp_path / "whole")[2])


def test_a_run_of_two_processes_writes_what_a_run_of_one_does(folder):
    run(folder, "ddp")
    logs = [folder / strategy / "run" / "progress.jsonl" for strategy in ("ddp", "fsdp")]
    alone, together = ([json.loads(line) for line in log.read_text().splitlines()] for log in logs)
    assert [line["processes"] for line in (alone[0], together[0])] == [1, 2]
    assert [set(line) for line in together] == [set(line) for line in alone]
    assert together[-1]["loss"] == pytest.approx(alone[-1]["loss"], rel=1e-5)
    assert {"regression_library_before", "regression_passed", "snapshot_examples"} <= set(together[-1])
    models = [load_model(log.with_name("checkpoint.safetensors")) for log in logs]
    assert_same_weights(models[1].state_dict(), models[0].state_dict())


def test_a_training_by_the_clock_ends_at_the_same_step_everywhere(folder):
    last = [json.loads((folder / f"timed-{rank}.json").read_text()) for rank in range(2)]
    assert last[0] == last[1] > 0


def test_the_rows_of_a_batch_are_dealt_out_once():
    dealt = [Parallel(rank, 2).rows(12, 4) for rank in range(2)]
    assert dealt == [[range(4), range(4, 6)], [range(6, 10), range(10, 12)]]
    assert Parallel().rows(12, 0) == [range(12)]
    with pytest.raises(ParallelError, match="7 does not divide among 2"):
        Parallel(0, 2).rows(7, 0)
