"""How each library trains a workload: one file per library, none of which knows which model it trains."""
