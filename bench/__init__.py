"""The benchmark: one table of workloads times libraries, each measured in its own process, in turns.

    python -m bench                       # the whole table; writes bench/results/latest.json, RESULTS.md and the picture
    python -m bench --only mlp,cnn --rounds 5
    python -m bench --curves              # how time grows with batch size, width, rows and steps
    python -m bench --quick --out /tmp/b  # tiny data: does everything still run, and do all losses agree

`workloads/` says what is trained, once per library and nothing else; `libraries/` says how a library trains it; `harness.py`
starts the processes; `machine.py` looks whether the machine is quiet; `bars.py` holds what must be reached; `report.py` and
`picture.py` write what was measured.
"""
