"""Whether the threat model's table is held by tests that exist: every row of SECURITY.md names at least one."""

import re

from markdown import NOT_OURS, ROOT

HEAD = "the test that shows it"
CODE = re.compile(r"`([^`]+)`")


def rows(text):
    """The rows under `HEAD`, with their line numbers: [(line, first cell, last cell)]."""
    found, is_table = [], False
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[-1] == HEAD:
            is_table = True
        elif not line.startswith("|"):
            is_table = False
        elif is_table and set(cells[-1]) != {"-"}:
            found.append((number, cells[0], cells[-1]))
    return found


def has_test(path, name):
    """Whether a file, or one below a directory, has a test or a shell function of that name."""
    pattern = re.compile(rf"^\s*(?:(?:pub )?(?:async )?fn {re.escape(name)}\(|{re.escape(name)}\(\) )", re.MULTILINE)
    files = [path] if path.is_file() else [
        file for file in path.rglob("*.rs") if not NOT_OURS & set(file.relative_to(ROOT).parts)
    ]
    return any(pattern.search(file.read_text()) for file in files)


def row_faults(cell):
    """A name in backticks is a path, a `make` target, or a test in the path that stands before it."""
    path = None
    named = CODE.findall(cell)
    if not named:
        yield "names no test"
    for name in named:
        if target := re.fullmatch(r"make ([a-z][a-z-]*)", name):
            if not re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE):
                yield f"the Makefile has no target {target[1]}"
        elif re.fullmatch(r"[a-z0-9_]+", name):
            if path is None:
                yield f"say before {name} in which file it is"
            elif path.exists() and not has_test(path, name):
                yield f"{path.relative_to(ROOT)} has no test {name}"
        else:
            path = ROOT / name
            if not path.exists():
                yield f"there is no {name}"


def threat_faults(page="SECURITY.md"):
    """Each fault on the page as a line; a page without the table is one."""
    found = rows((ROOT / page).read_text())
    if not found:
        yield f"{page}: has no table with a column '{HEAD}'"
    for line, threat, cell in found:
        for fault in row_faults(cell):
            yield f"{page}:{line}: {threat}: {fault}"
