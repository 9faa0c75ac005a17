"""The supervisor's side of the sandbox: it starts, limits and ends each submission's process."""
