"""What is wrong with data, before it is known which file is to blame."""

from __future__ import annotations


class DataFault(ValueError):
    """One line on an item and its value, such as `edge 0 joins nodes 0 and 305, but the nodes are 0 to 299`.

    noun: what the fault lies in: `edges`, `features`, `labels`, `graphs`, or `split NAME NUMBER PART`, of which
    the last words may be missing. Whoever knows the files names the one that it comes from.
    """

    def __init__(self, noun: str, why: str) -> None:
        super().__init__(why)
        self.noun = noun
