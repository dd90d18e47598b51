"""How what was saved reaches the hospital's archive: the worklist, the queue on disk, and the ways of sending."""
