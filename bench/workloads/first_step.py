"""How long the start takes: build, compile and the first epoch of the table's model, without imports."""

from __future__ import annotations

from bench.workload import Record, Workload
from bench.workloads.table import WORKLOAD as TABLE


class FirstStep(Workload):
    name = "first_step"
    title = "build, compile and first epoch, table"
    measures = "build, compile and first epoch"
    repeats = 2

    def sizes(self) -> str:
        return "the table's model and data; for the other models see start-up"

    def run(self, library: str, quick: bool) -> Record:
        from bench.workload import loop

        x, y = TABLE.data(TABLE.count(quick))
        return {"seconds": [loop(library).train(TABLE, library, x, y, 1)["start"]]}


WORKLOAD = FirstStep()
