"""Evaluation of shapes and layouts."""
