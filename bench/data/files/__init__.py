"""Graphs of the user's own: from files, and from functions of a package.

`reading.read_graph` is the door for a file without a task (to predict on it), `reading.own_dataset` for a dataset;
`source.DataSource` is what a spec says of one, and loads no torch. Import those modules; this one stays light.
"""

from __future__ import annotations
