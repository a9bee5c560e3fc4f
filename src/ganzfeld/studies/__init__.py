"""Studies: many small runs under one protocol, and an honest report of what they say."""
