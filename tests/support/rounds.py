"""How often a repeated test repeats: few rounds by default, all of them in `make soak`."""

import os

IS_FULL = os.environ.get("INSEAM_TEST_ROUNDS", "") == "full"


def rounds(few: int, full: int) -> int:
    """The number of repetitions for this run."""
    return full if IS_FULL else few
