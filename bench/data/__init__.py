"""Datasets and their splits.

`registry` lists the datasets (no torch), `loading.load_dataset` turns a name into a `dataset.Dataset`, and
`splits.make_split` divides its items. Import those modules; this one stays light.
"""

from __future__ import annotations
