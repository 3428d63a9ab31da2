"""Whether seeds are to be trained as one program. Loads no torch."""

from __future__ import annotations

from typing import Literal

#: auto: by the device, where there is one that gains by it. A rule and no timing: how seeds are trained must not depend
#: on how busy a machine is, for the last bits of scores do.
Fused = Literal["auto", "always", "never"]


def is_fused(choice: Fused, device: str) -> bool:
    """Whether seeds on this device are to be one program, if they can be.

    On a CPU `auto` says no: there a wide product costs what its narrow ones do, and the program as much as its runs one
    after another or more (`distillery perf fused-16 fused-64 fused-256`).
    """
    return choice == "always" or (choice == "auto" and not device.startswith("cpu"))
