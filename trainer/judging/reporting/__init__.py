"""A comparison as one page for people: tables, distributions, pictures side by side."""
