"""The public doors under attack: the real web process, alone and behind nginx and Apache with the shipped snippets."""
