"""`python -m trainer`: the same as `edge-train`, and what torchrun starts."""

import sys

from trainer.cli import main

sys.exit(main())
