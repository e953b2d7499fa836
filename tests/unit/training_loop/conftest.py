"""Fixtures of the training loop's tests: one thread, one tiny model."""

import pytest
import torch

from tests.unit.training_loop.tiny import randomise_output, tiny_config
from training_loop.models.generator import GeometryModel


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny_model() -> GeometryModel:
    torch.manual_seed(0)
    model = GeometryModel(tiny_config())
    randomise_output(model)
    return model.eval()
