"""What reaches a reader: the book, its PDF, and the data of its interactive pages."""
