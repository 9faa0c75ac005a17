"""Exercises and their grading: what instructors release, run and score."""
