"""The engine in a process of its own, watched: judge, ladder, supervisor."""
