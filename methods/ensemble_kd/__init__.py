"""Knowledge distillation from the mean of several teachers."""

from __future__ import annotations
