"""Series: several channels of numbers over equal steps of time, (C, T)."""
