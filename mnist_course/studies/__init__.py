"""Published results: test accuracies from many seeds, a table for each recipe."""
