"""The benchmark: one table of workloads times libraries, each measured in its own process, in turns.

    python -m bench                       # the whole table; writes bench/results/latest.json, RESULTS.md and the picture
    python -m bench --only mlp,cnn --rounds 5
    python -m bench --curves              # how time grows with batch size, width, rows and steps
    python -m bench --quick --out /tmp/b  # tiny data: checks that everything runs and all losses agree

`workloads/` defines what is trained, once per library; `libraries/` defines how each library trains it; `harness.py` starts the
processes; `machine.py` checks that the machine is quiet; `bars.py` holds the targets; `report.py` and `picture.py` write the
results.
"""
