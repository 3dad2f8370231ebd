"""What `check_script` looks for in a script, one kind of finding per file."""
