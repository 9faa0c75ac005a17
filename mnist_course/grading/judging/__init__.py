"""The judge: hidden tests, what they see of a submission, and the points they give."""
