"""No text whatever makes the reader or the linter of a configuration fail, and every edit can be undone."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_edit import (
    disable_lines,
    restore,
    with_block,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_lint import lint_config
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_plan import make_plan
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import read_config
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_syntax import (
    NTP_OPTIONS,
    REFCLOCK_OPTIONS,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_write import ConfigError, Declared
from hypothesis import given
from hypothesis import strategies as st

PATHS = ("/etc/chrony.conf", "/c/a.conf", "/c/b.conf", "/d/a.conf", "/c/a.sources", "/d/a.sources", "/run/x/y.sources")
MAIN = PATHS[0]

DIRECTIVES = (
    "server", "pool", "peer", "refclock", "include", "confdir", "sourcedir", "makestep", "minsources", "local",
    "authselectmode", "cmdport", "rtcsync", "rtcfile", "leapsectz", "keyfile", "initstepslew", "#", "!",
)  # fmt: skip
WORDS = (
    *PATHS, *NTP_OPTIONS, *REFCLOCK_OPTIONS, "/c", "/d", "/c/*", "/*/*.conf", "/run/x", "/", "[", "[^", "*", "..",
    "169.254.169.123", "2.debian.pool.ntp.org", "PHC", "/dev/ptp0", "require", "0", "3", "-1", "1e400", "nan",
    "99999999999999999999", "\N{ARABIC-INDIC DIGIT THREE}", "10.0.0.1",
)  # fmt: skip

separators = st.sampled_from([" ", "  ", "\t", "\r", "\0", "\v"])
words = st.sampled_from(WORDS) | st.text(max_size=8)
lines = st.builds(
    lambda name, rest, gap: gap.join([name, *rest]),
    st.sampled_from(DIRECTIVES) | st.text(max_size=6),
    st.lists(words, max_size=5),
    separators,
)
texts = st.builds(lambda parts, end: "\n".join(parts) + end, st.lists(lines, max_size=8), st.sampled_from(["", "\n"]))
trees = st.dictionaries(st.sampled_from(PATHS), texts | st.text(max_size=60)).map(lambda tree: {MAIN: "", **tree})


class Tree:
    """Files in memory, with the directories that they imply."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)

    def read_text(self, path: str, limit: int = 1048576) -> str:
        del limit
        if path not in self.texts:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.texts[path]

    def list_dir(self, path: str) -> list[str]:
        if not self.is_dir(path):
            raise NotADirectoryError(20, "Not a directory", path)
        start = path.rstrip("/") + "/"
        return sorted({one[len(start) :].split("/")[0] for one in self.texts if one.startswith(start)})

    def exists(self, path: str) -> bool:
        return path in self.texts or self.is_dir(path)

    def is_dir(self, path: str) -> bool:
        return any(one.startswith(path.rstrip("/") + "/") for one in self.texts)


@given(trees)
def test_reading_and_judging_never_fail(tree: dict[str, str]) -> None:
    config = read_config(Tree(tree), MAIN)
    for directive in config.directives:
        line = tree[directive.file].split("\n")[directive.line - 1]
        assert line.split("\0")[0].lower().lstrip(" \t\r\v\f").startswith(directive.name)
    for finding in lint_config(config, other_configs=("/x",), min_sources=2):
        assert finding.severity in ("error", "warning")
        assert finding.message


@given(texts | st.text(), st.sets(st.integers(1, 12)), st.lists(st.sampled_from(["confdir /a", "sourcedir /b"])))
def test_edits_are_undone_to_the_byte(text: str, numbers: set[int], block: list[str]) -> None:
    assert restore(with_block(disable_lines(text, numbers), block)) == text


@given(trees, st.booleans(), st.booleans())
def test_a_plan_holds_or_says_why_not(tree: dict[str, str], exclusive: bool, modern: bool) -> None:
    declared = Declared(
        ntp=("server 192.0.2.1 iburst", "pool 192.0.2.2"), policy=("makestep 1 3", "rtcsync"), exclusive=exclusive
    )
    try:
        plan = make_plan(Tree(tree), MAIN, declared, modern=modern)
    except ConfigError:
        return
    after = {path: text for path, text in {**tree, **plan.texts}.items() if text is not None}
    effective = read_config(Tree(after), MAIN)
    assert set(declared.ntp) <= {one.text for one in effective.directives}
    if exclusive:
        assert {one.text for one in plan.sources} == set(declared.ntp)
    assert make_plan(Tree(after), MAIN, declared, modern=modern).changed == ()
    undone = make_plan(Tree(after), MAIN, Declared(), modern=modern)
    assert {path: text for path, text in {**after, **undone.texts}.items() if text is not None} == tree
