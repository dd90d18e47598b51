"""What an encrypted file looks like, and the keys for it."""
