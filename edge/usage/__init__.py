"""What a unit meets with in use, as numbers alone: off unless somebody turns it on."""
