"""What a person at the command line does for patients' privacy: keys, files made readable, and requests of persons."""
