"""What exists only because programs run on CPUs; `lowerings.py` is where it meets the maths."""
