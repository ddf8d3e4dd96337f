"""What psutil makes of snapshots of /proc/stat: a path a line comes in, its figures go out as a line of JSON."""

import json
import shutil
import sys

import psutil

psutil.PROCFS_PATH = sys.argv[1]
for line in sys.stdin:
    shutil.copyfile(line.rstrip("\n"), sys.argv[1] + "/stat")
    print(json.dumps({
        "percent": psutil.cpu_percent(),
        "cores": psutil.cpu_percent(percpu=True),
        "times": list(psutil.cpu_times()),
    }))
