"""The program as a systemd service: notification, the journal, and its installation."""
