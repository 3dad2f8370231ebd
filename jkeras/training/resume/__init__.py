"""What `fit(resume=True)` needs: where a run stands, and a training run as arrays and notes."""
