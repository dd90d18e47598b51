"""How much the protocol lets anybody ask for; apart from the messages, which a configuration need not load."""

MAX_LEDS = 4
PERMILLE = 1000
MAX_SYNC_DELAY_US = 20_000
