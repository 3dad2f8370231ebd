"""The scripts that made the golden files want libraries that most environments lack: they are no tests."""

collect_ignore_glob = ["make_*.py"]
