"""What training minimises and what it reports: losses, metrics, and the outputs they belong to."""
