"""Complete runs of the pipeline: one, or many from different seeds."""
