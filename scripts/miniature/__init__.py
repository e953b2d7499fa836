"""The flywheel in miniature: does picking by fallible people make the next model better, turn after turn?

Targets are pasted objects whose truth is known and hidden; annotators are noisy oracles. Tournament and pairs are those
of `engine.selection`, training those of `training_loop`: only people and photographs are made up.

    python -m scripts.miniature runs/miniature --tiny
    python -m scripts.miniature runs/miniature --device cuda --seeds 0 1 2 --ablations

Source: paper A.6 Algorithm 1, A.7, Table 4, Figure 10, Table 12.
"""
