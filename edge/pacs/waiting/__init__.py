"""What waits for the PACS: the queue on the disk, and how the store fills it."""
