"""What crosses between the engine, its workers and its trainers: frozen dataclasses and pure numpy, nothing else."""
