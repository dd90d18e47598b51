"""How a profile reaches a unit: installed, proved, rolled back."""
