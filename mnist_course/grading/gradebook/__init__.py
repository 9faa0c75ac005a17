"""The gradebook: its only writer, and what is read from it afterwards."""
