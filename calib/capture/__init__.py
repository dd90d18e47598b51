"""Takes the pictures of a session, with guidance."""
