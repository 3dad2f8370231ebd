"""The maths: pure functions, arrays in, arrays out."""
