"""Every `run:` of the workflows is a valid script, and what it calls by name is there.

    python tests/workflows/blocks.py .github/workflows/*.yml

Needs ruamel.yaml, and looks deeper with shellcheck. Prints each fault on a line of its own; exits 1 if there is one.
"""

import pathlib
import re
import shutil
import subprocess
import sys

from ruamel.yaml import YAML

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "docs"))
from named import named_faults  # noqa: E402

EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)


def blocks(path):
    """Each `run:` of a workflow with the job that it is in: [(job, script)]."""
    jobs = YAML(typ="safe").load(path.read_text())["jobs"]
    return [(name, step["run"]) for name, job in jobs.items() for step in job["steps"] if "run" in step]


def script_faults(script):
    # What the workflow puts there is known when it runs; a name that is a valid word stands for it.
    script = EXPRESSION.sub("EXPRESSION", script)
    check = ["shellcheck", "--shell=bash", "--format=gcc", "-"] if shutil.which("shellcheck") else ["bash", "-n"]
    answer = subprocess.run(check, input=script, capture_output=True, text=True)
    if answer.returncode:
        yield (answer.stdout + answer.stderr).strip()
    yield from named_faults(script)


def main(paths):
    faults, count = [], 0
    for path in map(pathlib.Path, paths):
        for job, script in blocks(path):
            count += 1
            faults += [f"{path}: {job}: {fault}" for fault in script_faults(script)]
    print("\n".join(faults) or f"{len(paths)} workflows, {count} scripts in them without a fault")
    sys.exit(bool(faults) or not count)


if __name__ == "__main__":
    main(sys.argv[1:])
