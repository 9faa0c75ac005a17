"""What came back from learners: collecting, reading and repairing it."""
