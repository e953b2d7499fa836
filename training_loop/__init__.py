"""Training loop: the SAM 3D geometry model, its objectives, post-training and evaluation.

No Django, no database: torch, numpy, scipy, safetensors, webdataset, Pillow, trimesh and `engine.contracts`.
Start at `training_loop.api`; `docs/paper_map.md` maps the paper's sections and equations to files.
"""
