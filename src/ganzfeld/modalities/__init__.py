"""Kinds of samples: how they are decoded, shown and saved."""
