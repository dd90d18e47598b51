"""What every part may use: errors, texts, settings, files that are whole, logs."""
