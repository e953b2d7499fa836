"""The benchmark of several GPUs: its arithmetic; that it runs is seen by hand (`docs/benchmarks.md`)."""

import pytest

from benchmarks.parallel_training import compare


def run(processes: int, **seconds: float) -> dict:
    cases = {
        name: {"seconds_per_step": value, "losses": [2.0, 1.0], "whole_weights": {"norm": 10.0}}
        for name, value in seconds.items()
    }
    return {"processes": processes, "cases": cases}


def test_a_run_is_compared_with_the_fastest_way_of_one_process():
    two = run(2, fsdp_compiled=0.6, ddp_compiled=0.5)
    two["cases"]["ddp_compiled"] |= {"losses": [2.0, 1.02], "whole_weights": {"norm": 10.1}}
    found = compare(run(1, fsdp_compiled=1.0, fsdp=1.5), two)
    assert found["ddp_compiled"]["speedup"] == pytest.approx(2)
    assert found["ddp_compiled"]["efficiency"] == pytest.approx(1)
    assert found["ddp_compiled"]["largest_relative_loss_difference"] == pytest.approx(0.02)
    assert found["ddp_compiled"]["relative_weight_norm_difference"] == pytest.approx(0.01)
    assert found["fsdp_compiled"]["efficiency"] == pytest.approx(1 / 1.2)
    assert found["fsdp_compiled"]["largest_relative_loss_difference"] == 0
