"""The package's logger; the command line and applications decide where it writes."""

import logging

logger = logging.getLogger("pinn")
