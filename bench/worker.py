"""One measurement in its own process: `python -m bench.worker WORKLOAD LIBRARY [--quick]` prints one line of JSON."""

from __future__ import annotations

import json
import resource
import sys

from bench.workloads import workload


def peak_mb() -> float:
    """The peak memory of this process, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1024)


def main() -> None:
    name, library, *flags = sys.argv[1:]
    result = workload(name).run(library, "--quick" in flags)
    print(json.dumps({"peak_mb": round(peak_mb(), 1), **result}))


if __name__ == "__main__":
    main()
