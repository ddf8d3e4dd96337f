"""Which metrics there are: what the exporter serves, as docs/metrics.md has it (tests hold that page against the code),
what the rules record, and what Prometheus itself adds."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
OF_PROMETHEUS = {"ALERTS", "scrape_duration_seconds", "scrape_samples_scraped", "up"}
OF_A_PROCESS = {
    "process_cpu_seconds_total", "process_max_fds", "process_open_fds", "process_resident_memory_bytes",
}
# The parts of a histogram.
PARTS = ("_bucket", "_sum", "_count")
RULE = re.compile(r"^ {6}- (alert|record): (\S+).*\n((?:(?! {6}- | {2}- ).*\n?)*)", re.MULTILINE)
# What stands where a metric's name can: a word that is no label, function or keyword.
WORD = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")
KEYWORDS = set("and or unless on ignoring by without group_left group_right bool offset".split())


def served():
    """What the exporter serves."""
    text = (ROOT / "docs" / "metrics.md").read_text()
    return set(re.findall(r"`((?:my_cpu|cpumon)_\w+)(?:\{[^}]*\})?`", text)) | OF_A_PROCESS


def rules():
    """Every rule: its file, alert or record, its name, and the lines below."""
    for file in sorted((ROOT / "prometheus" / "rules").glob("*.yml")):
        for kind, name, body in RULE.findall(file.read_text()):
            yield file.name, kind, name, body


def records():
    return {name for _, kind, name, _ in rules() if kind == "record"}


def names_in(expression):
    """The metrics that an expression reads."""
    text = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", "", expression)
    # Matchers, ranges, and the labels of aggregations and joins.
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", text)
    text = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)
    return {word for word in WORD.findall(text) if word not in KEYWORDS and not word.isdigit()}


def unknown(expression):
    """The metrics of an expression that nobody serves or records, in order."""
    known = served()
    parts = {name + part for name in known for part in PARTS}
    return sorted(names_in(expression) - known - parts - records() - OF_PROMETHEUS)
