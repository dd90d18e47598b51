"""How a picture is kept: frozen, written as a pair, found again after a power cut."""
