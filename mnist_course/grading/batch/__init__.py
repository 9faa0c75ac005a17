"""Grade many submissions: spread the work, remember results, lose nothing."""
