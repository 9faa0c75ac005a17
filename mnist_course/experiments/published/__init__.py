"""Published results: test accuracies from many seeds for each recipe, and what grading takes."""
