"""Names of metrics, variables, records and alerts in the pages are names that there are."""

import functools
import re

from markdown import INLINE_CODE, ROOT

METRIC = re.compile(r"(?<![\w:/.-])(?:my_cpu_percents?|cpumon_[a-z0-9_]*[a-z0-9])(?![\w:/.-])")
VARIABLE = re.compile(r"(?<![\w-])(?:AGENT|EXPORTER)_[A-Z0-9_]*[A-Z0-9]\b(?![*_])")
RECORD = re.compile(r"(?<![\w:])[a-z_]+:[a-z0-9_]+:[a-z0-9_]+\b")
ALERT = re.compile(r"(?<!\w)Cpumon[A-Z]\w+")
HISTOGRAM_SERIES = ("_bucket", "_sum", "_count")
# Kubernetes's, quoted where it is told what it is.
NOT_OURS = {"EXPORTER_PORT"}


def read(pattern, *paths):
    """What the pattern finds in these files."""
    return {name for path in paths for name in re.findall(pattern, (ROOT / path).read_text())}


@functools.cache
def known_names():
    """Each kind of name with all that there are, and the place where they are listed."""
    rules = [path.relative_to(ROOT) for path in (ROOT / "prometheus" / "rules").glob("*.yml")]
    tables = r"^\| `(\w+)|^\| .*` `(\w+)"
    metrics = {name for pair in re.findall(tables, (ROOT / "docs/metrics.md").read_text(), re.MULTILINE) for name in pair}
    metrics |= {metric + end for metric in metrics for end in HISTOGRAM_SERIES} | {"my_cpu_percent"}
    variables = read(r"\| `((?:AGENT|EXPORTER)_\w+)` \|", "docs/configuration.md")
    variables |= read(r"(?:^|\n)#?([A-Z_]+)=", ".env.example") | NOT_OURS
    return [
        (METRIC, metrics, "docs/metrics.md"),
        (VARIABLE, variables, "docs/configuration.md or .env.example"),
        (RECORD, read(r"record: (\S+)", *rules), "prometheus/rules"),
        (ALERT, read(r"alert: (\w+)", *rules), "prometheus/rules"),
    ]


def contract_faults(page):
    """Each name on the page, in code or in a block, that nothing has."""
    pieces = [
        (number, " ".join(match[0] for match in INLINE_CODE.finditer(line)))
        for number, line in enumerate(page.path.read_text().splitlines(), 1)
    ]
    for number, code in [*pieces, *((block.line, block.text) for block in page.blocks)]:
        for pattern, names, place in known_names():
            for name in sorted(set(pattern.findall(code)) - names):
                yield f"{page.path.relative_to(ROOT)}:{number}: there is no {name} in {place}"
