"""Puts the dashboards' queries to a real Prometheus, with the variables as Grafana would fill them in."""

import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from lint import panels_of, targets_of

# What a client that knows little cannot know; its panels say so. The rest has at least one line.
UNKNOWN_TO = {
    "other-system": {
        "Modes", "Pressure", "Its own container", "Top processes", "Cores", "Runnable tasks", "Context switches",
        "Virtual machines", "Container: cores used and limit",
    },
}
UNKNOWN_TO["original"] = UNKNOWN_TO["other-system"] | {
    "Highest second of the last minute", "Load for each CPU", "CPUs", "Hottest core", "Load against CPUs",
    "Its connection",
}


class Prometheus:
    """A Prometheus, and what stands for Grafana's variables."""

    def __init__(self, url, rate_interval):
        self.url = url.rstrip("/")
        self.variables = {"__rate_interval": rate_interval, "__range": "5m", "label": "client", "value": ".*"}

    def get(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise RuntimeError(refusal.read().decode(errors="replace")) from refusal

    def fill_in(self, text):
        return re.sub(r"\$(\w+)", lambda match: self.variables[match[1]], text)

    def answers(self, expr, instant):
        """Whether a query has at least one value that is a number."""
        expr = self.fill_in(expr)
        if instant:
            values = [series["value"][1] for series in self.get("query", query=expr)["result"]]
        else:
            now = time.time()
            series = self.get("query_range", query=expr, start=now - 30, end=now, step=5)["result"]
            values = [value for each in series for _, value in each["values"]]
        return any(not math.isnan(float(value)) for value in values)

    def has_values(self, variable):
        function, argument = re.fullmatch(r"(\w+)\((.*)\)", self.fill_in(variable["query"]["query"])).groups()
        if function == "label_names":
            found = self.get("labels")
        else:
            metric, label = argument.rsplit(", ", 1)
            found = self.get(f"label/{label}/values", **{"match[]": metric})
        pattern = variable["regex"].strip("/") or ".*"
        return any(re.search(pattern, value) for value in found)


def faults_of(dashboards, prometheus, agent, may_be_empty, kind=None):
    """What is refused, and what is not answered though it should be. The agent's dashboard shows `agent`; with its `kind`,
    which knows less than the protocol has fields for, only that dashboard is looked at."""
    for dashboard in dashboards:
        is_of_one = dashboard["uid"] == "cpumon-agent"
        if kind and not is_of_one:
            continue
        prometheus.variables["agent"] = agent if is_of_one else ".+"
        empty = set(may_be_empty) | UNKNOWN_TO.get(kind, set())
        for panel in panels_of(dashboard):
            yield from panel_faults(dashboard, panel, prometheus, panel["title"] in empty, kind)
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query" and not prometheus.has_values(variable):
                yield f"{dashboard['uid']}: variable {variable['name']} has no values"
        for annotation in dashboard["annotations"]["list"]:
            if not kind and not prometheus.answers(annotation["expr"], instant=False):
                yield f"{dashboard['uid']}: annotation {annotation['name']}: no data for {annotation['expr']}"


def panel_faults(dashboard, panel, prometheus, may_be_empty, kind):
    where = f"{dashboard['uid']}: panel {panel['title']!r}"
    silent = []
    for target in panel["targets"]:
        try:
            if not prometheus.answers(target["expr"], target["instant"]):
                silent.append(target["expr"])
        except RuntimeError as refusal:
            yield f"{where}: refused {target['expr']}: {refusal}"
    # Of a client that knows less, one line is enough; of a whole one each.
    enough = len(silent) < len(targets_of(panel)) if kind else not silent
    if not enough and not may_be_empty:
        yield f"{where}: no data for {silent}"
