"""What goes wrong in a run: signals, diagnoses and cures."""
