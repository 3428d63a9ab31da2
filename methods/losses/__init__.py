"""What several methods share: terms on logits, hidden states, local structure."""

from __future__ import annotations
