"""The learner's side of the sandbox, and the messages that cross its boundary."""
