"""Rules for the dashboards' structure: those of Grafana's public dashboard linter under its names, and our own."""

import json
import re

from metrics import unknown

# Grafana 9.5 to 13 load the classic schema up to this version.
SCHEMA_VERSION_MAX = 41
COLUMNS = 24
# What a screen of 1080 lines shows under Grafana's own bars.
ROWS_BEFORE_SCROLLING = 24
PANELS_BEFORE_SCROLLING = 12
COLOURS_MAX = 8
UNITS = {"short", "none", "string", "percentunit", "s", "ops", "cpm", "bytes", "dateTimeAsIso"}
VARIABLE_QUERY = re.compile(r"(label_names|label_values)\((.*)\)")

# (rule, dashboard, panel or variable or *): why it does not hold there. One that is not needed is a fault.
EXCEPTIONS = {
    ("template-job-rule", "*", "*"): "agents are told apart by the label agent; there is one job, and records have none",
    ("template-instance-rule", "*", "*"): "an agent may be on any exporter, so no query may depend on an exporter's address",
    ("target-job-rule", "*", "*"): "the records that the queries read are merged over exporters and have no job",
    ("target-instance-rule", "*", "*"): "the records that the queries read are merged over exporters and have no instance",
    ("template-label-promql-rule", "cpumon-fleet", "label"): "it offers labels of the user's own, whose names nobody knows before; Grafana 9.5 takes label_names() without a metric only",
    ("template-label-promql-rule", "cpumon-agent", "label"): "as on the fleet's dashboard",
    ("target-rate-interval-rule", "cpumon-fleet", "Top ten over the range"): "it is about the whole time shown",
    ("target-rate-interval-rule", "cpumon-fleet", "Busiest agents, through time"): "the twenty rows are those of the whole time shown",
    ("target-rate-interval-rule", "cpumon-pipeline", "Refused in this time"): "it is about the whole time shown",
}

# What agents report. It is in the view of several exporters at times, so it has to be merged before anything else.
OF_AN_AGENT = re.compile(r"(?<![\w:])(?:cpumon_(?!exporter_|alert_)\w+|my_cpu_percents)(?![\w:])")
# What an exporter counts itself is summed.
OF_AN_EXPORTER = {"cpumon_agent_connections_total", "cpumon_agent_disconnects_total"}
MERGED = re.compile(r"\b(?:max|count|group)(?: by \([^)]*\))? ?\($")
# Only asks whether an agent is among those with a label: that is the same whoever shows it.
MEMBERSHIP = re.compile(r"and on \(agent\) (?:last_over_time\()?$")
RANGE = re.compile(r"\[([^\]]*)\]")


def panels_of(dashboard):
    """All panels, those inside of collapsed rows too; rows themselves left out."""
    for panel in dashboard["panels"]:
        yield from panel.get("panels", [])
        if panel["type"] != "row":
            yield panel


def targets_of(panel):
    """The queries whose answer is shown; a threshold's is not."""
    return [target for target in panel["targets"] if target["refId"] != "threshold"]


def faults_of(dashboards):
    """Every fault that is no exception, and every exception that there is no need for."""
    used = set()
    for dashboard in dashboards:
        for rule, where, text in every_fault_of(dashboard, dashboards):
            exception = {(rule, dashboard["uid"], where), (rule, "*", "*")} & set(EXCEPTIONS)
            used |= exception
            if not exception:
                yield f"{dashboard['uid']}: {where}: {rule}: {text}"
    for rule, uid, where in set(EXCEPTIONS) - used:
        yield f"{uid}: {where}: {rule}: the exception is not needed any more"


def every_fault_of(dashboard, dashboards):
    """(rule, panel or variable, what is wrong)"""
    for fault in [*dashboard_faults(dashboard), *grid_faults(dashboard["panels"]), *colour_faults(dashboard)]:
        yield "dashboard", "-", fault
    yield from variable_faults(dashboard["templating"]["list"])
    uids = {each["uid"] for each in dashboards}
    for panel in panels_of(dashboard):
        for rule, fault in panel_faults(panel):
            yield rule, panel["title"], fault
        for uid in re.findall(r'"/d/([\w-]+)', json.dumps(panel)):
            if uid not in uids:
                yield "links", panel["title"], f"leads to {uid}, which there is not"
    for annotation in dashboard["annotations"]["list"]:
        for rule, fault in query_faults(annotation["expr"]):
            yield rule, annotation["name"], fault


def dashboard_faults(dashboard):
    if dashboard.get("schemaVersion", 0) > SCHEMA_VERSION_MAX:
        yield f"schemaVersion is above {SCHEMA_VERSION_MAX}"
    if "id" in dashboard or "__inputs" in dashboard:
        yield "has an id or inputs, which belong to one Grafana's database"
    if dashboard.get("editable", True):
        yield "is editable"
    for key in ("uid", "title", "description"):
        if not dashboard.get(key):
            yield f"has no {key}"
    if not any(link["type"] == "dashboards" and link["tags"] == ["cpumon"] for link in dashboard["links"]):
        yield "has no links to the other dashboards"
    ids = [panel["id"] for panel in [*dashboard["panels"], *(p for q in dashboard["panels"] for p in q.get("panels", []))]]
    if len(set(ids)) != len(ids):
        yield "two panels have the same id"
    titles = [panel["title"] for panel in panels_of(dashboard)]
    if len(set(titles)) != len(titles):
        yield "two panels have the same title"
    above = [p for p in panels_of(dashboard) if p["gridPos"]["y"] < ROWS_BEFORE_SCROLLING]
    if len(above) > PANELS_BEFORE_SCROLLING:
        yield f"{len(above)} panels before scrolling, at most {PANELS_BEFORE_SCROLLING}"


def grid_faults(panels):
    taken = {}
    for panel in panels:
        grid = panel["gridPos"]
        if grid["x"] + grid["w"] > COLUMNS:
            yield f"panel {panel['title']!r} is wider than the grid"
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                other = taken.setdefault((x, y), panel)
                if other is not panel:
                    yield f"panels {other['title']!r} and {panel['title']!r} overlap"
                    return


def colour_faults(dashboard):
    """Every colour by name, wherever it stands; red is kept for what is wrong."""
    colours = set(re.findall(r'"(?:fixedColor|color|iconColor)": "([^"]+)"', json.dumps(dashboard)))
    if len(colours) > COLOURS_MAX:
        yield f"{len(colours)} colours, at most {COLOURS_MAX}: {sorted(colours)}"
    for panel in panels_of(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        if "red" in defaults["thresholds"]["steps"][0]["color"]:
            yield f"panel {panel['title']!r} is red while all is well"
        if re.search(r'"fixedColor": "[^"]*red', json.dumps(panel)):
            yield f"panel {panel['title']!r} is red whatever is"


def variable_faults(variables):
    sources = [variable for variable in variables if variable["type"] == "datasource"]
    if [(s["name"], s["label"], s["query"]) for s in sources] != [("datasource", "Data source", "prometheus")]:
        yield "template-datasource-rule", "datasource", "there has to be one, of this name, labelled Data source"
    for name in ("job", "instance"):
        if name not in {variable["name"] for variable in variables}:
            yield f"template-{name}-rule", name, "there is no such variable"
    for variable in variables:
        if variable["type"] != "query":
            continue
        if variable["datasource"]["uid"] != "${datasource}":
            yield "panel-datasource-rule", variable["name"], "does not use the datasource variable"
        if variable["refresh"] != 2:
            yield "template-on-time-change-reload", variable["name"], "is not asked anew when the time changes"
        if not variable["label"] or not variable["description"]:
            yield "variables", variable["name"], "has no label or no description"
        query = VARIABLE_QUERY.fullmatch(variable["query"]["query"])
        if not query or not query[2]:
            yield "template-label-promql-rule", variable["name"], "does not ask for the labels of a metric"
        elif unknown(query[2].split(",")[0] if "{" not in query[2] else query[2].split("{")[0]):
            yield "metrics", variable["name"], f"nobody serves what {query[0]} asks for"


def panel_faults(panel):
    for key in ("title", "description"):
        if not panel.get(key):
            yield "panel-title-description-rule", f"has no {key}"
    defaults = panel["fieldConfig"]["defaults"]
    if defaults.get("unit") not in UNITS:
        yield "panel-units-rule", f"has the unit {defaults.get('unit')}; known are {sorted(UNITS)}"
    if defaults.get("unit") == "percentunit" and panel["type"] != "heatmap" and defaults.get("min") != 0:
        yield "panel-units-rule", "is a share that does not begin at 0"
    if not defaults.get("noValue"):
        yield "no-data", "says nothing when there is no data"
    if not targets_of(panel):
        yield "panel-no-targets-rule", "has no query"
    for target in panel["targets"]:
        if panel["datasource"]["uid"] != "${datasource}" or target["datasource"]["uid"] != "${datasource}":
            yield "panel-datasource-rule", "does not use the datasource variable"
        yield from query_faults(target["expr"])
    refs = {target["refId"] for target in panel["targets"]}
    for transformation in panel.get("transformations", []):
        if transformation["id"] == "configFromData" and transformation["options"]["configRefId"] not in refs:
            yield "transformations", "takes its thresholds from a query that there is not"


def query_faults(expr):
    for opening, closing in ("()", "[]", "{}"):
        if expr.count(opening) != expr.count(closing):
            yield "target-promql-rule", f"has an odd number of {opening}{closing}: {expr}"
    for name in unknown(expr):
        yield "metrics", f"nobody serves or records {name}: {expr}"
    if re.search(r"\binstance\b", expr):
        yield "instance", f"keys on instance, which changes with every exporter: {expr}"
    else:
        yield "target-instance-rule", "has no matcher for instance"
    if 'job=' not in expr:
        yield "target-job-rule", "has no matcher for job"
    for window in RANGE.findall(expr):
        if window != "$__rate_interval":
            yield "target-rate-interval-rule", f"[{window}] instead of [$__rate_interval]: {expr}"
    for counter in re.finditer(r"(\w+_total)(?:\{[^}]*\})?(\[)?", expr):
        before = expr[: counter.start()]
        if not counter[2] or not re.search(r"\b(?:rate|increase|irate)\($", before):
            yield "target-counter-agg-rule", f"{counter[1]} is not under rate or increase: {expr}"
    for match in OF_AN_AGENT.finditer(expr):
        before = expr[: match.start()]
        if match.group() not in OF_AN_EXPORTER and not MERGED.search(before) and not MEMBERSHIP.search(before):
            yield "merged", f"{match.group()} is neither merged by max nor read from a merging record: {expr}"
