"""Programs that measurements run in processes of their own, so that memory and time are theirs alone."""
