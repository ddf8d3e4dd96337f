"""What the documentation's tests see in a page of Markdown: code blocks, headings, links."""

import dataclasses
import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOT_OURS = {".git", "target", "node_modules"}

FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*(.*)$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
# [text](target "title"), ![text](target), <img src="target">, <source srcset="target">, [name]: target
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HTML_LINK = re.compile(r"\b(?:src|srcset|href)=\"([^\"]+)\"")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*(\S+)")
INLINE_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s")


@dataclasses.dataclass
class Block:
    """A fenced block: its language, the attributes behind it, its text, and where it stands."""

    page: pathlib.Path
    line: int
    info: str
    text: str = ""

    @property
    def language(self):
        return self.info.split(" ")[0]

    @property
    def attributes(self):
        """`sh until="ready" docker` gives {"until": "ready", "docker": ""}; quotes as in a shell."""
        return dict(word.partition("=")[::2] for word in shlex.split(self.info)[1:])

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


class Page:
    """One page, read once."""

    def __init__(self, path):
        self.path = path
        self.blocks = []
        self.links = []  # (line, target)
        self.anchors = set()
        self.indented = []  # lines at which code begins that no fence is around
        self._read(path.read_text().splitlines())

    def _read(self, lines):
        fence, in_list, before = None, False, ""
        for number, line in enumerate(lines, 1):
            match = FENCE.match(line)
            if fence:
                if match and match[1].startswith(fence) and not match[2]:
                    fence = None
                else:
                    self.blocks[-1].text += line + "\n"
            elif match:
                fence = match[1]
                self.blocks.append(Block(self.path, number, match[2].strip()))
            else:
                in_list = bool(LIST_ITEM.match(line)) or (in_list and (not line.strip() or line[0] == " "))
                if line.startswith("    ") and line.strip() and not before.strip() and not in_list:
                    self.indented.append(number)
                self._read_prose(number, line)
            before = line
        if fence:
            self.blocks[-1].info += " unclosed"

    def _read_prose(self, number, line):
        if heading := HEADING.match(line):
            self._add_anchor(heading[2])
        for anchor in re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line):
            self.anchors.add(anchor)
        prose = INLINE_CODE.sub("", line)
        targets = LINK.findall(prose) + HTML_LINK.findall(prose) + DEFINITION.findall(prose)
        self.links += [(number, target) for target in targets]

    def _add_anchor(self, heading):
        """As GitHub makes them: lower case, no punctuation, dashes for blanks, a number for what is there already."""
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        anchor, count = slug, 0
        while anchor in self.anchors:
            count += 1
            anchor = f"{slug}-{count}"
        self.anchors.add(anchor)


def pages():
    """Every page of the checkout, in the order of their names, README first."""
    found = [
        path
        for path in ROOT.rglob("*.md")
        if not NOT_OURS & set(path.relative_to(ROOT).parts[:-1])
    ]
    return [Page(path) for path in sorted(found, key=lambda path: (path != ROOT / "README.md", path))]
