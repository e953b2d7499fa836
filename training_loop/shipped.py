"""The checkpoint that ships with the project: `mini` after pretraining, mid-training and distillation."""

from pathlib import Path

SHIPPED_CHECKPOINT = Path(__file__).parent / "weights" / "mini.safetensors"
