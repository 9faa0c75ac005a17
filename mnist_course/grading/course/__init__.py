"""What an instructor sets up: settings, assignments, and the exercises made from them."""
