"""What the unit knows of itself: parts, figures, heat, machine, disk."""
