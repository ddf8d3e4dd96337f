"""What a shell script calls by name: Make's targets, the workspace's packages and tests, files of the checkout."""

import functools
import json
import re
import subprocess

from markdown import ROOT


def named_faults(script):
    """What the script calls by name is there: Make's targets, the workspace's packages and tests, scripts."""
    for target in re.findall(r"(?:^|[;&|]\s*|\s)make ([a-z][a-z-]*)", script):
        if not re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE):
            yield f"the Makefile has no target {target}"
    for path in re.findall(r"(?<![\w/.-])((?:\./)?(?:scripts|tests|docs|prometheus|grafana|deploy)/[\w./-]+)", script):
        if not (ROOT / path).exists():
            yield f"there is no {path}"
    for command in re.findall(r"\bcargo [^\n;&|]*", script):
        packages = re.findall(r"(?:-p|--package)[ =]([\w-]+)", command)
        for package in packages:
            if package not in workspace():
                yield f"the workspace has no package {package}"
        for test in re.findall(r"--test[ =]([\w-]+)", command):
            if packages and not any(test in workspace().get(package, ()) for package in packages):
                yield f"{packages[0]} has no test {test}"


@functools.cache
def workspace():
    """The workspace's packages and the names of their targets."""
    answer = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps", "--offline"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return {
        package["name"]: {target["name"] for target in package["targets"]}
        for package in json.loads(answer.stdout)["packages"]
    }
