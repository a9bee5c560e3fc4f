"""Fields: arrays of floats (C, L), (C, H, W) or (C, D, H, W) in a unit of their own."""
