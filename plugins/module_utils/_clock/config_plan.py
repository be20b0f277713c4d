# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works out every file's text so that exactly what is declared takes effect.

Private to this collection. The plan is a function of the host's files *as they
were before this collection* and of what is declared, so that it comes out the
same on every run, and a line disabled for a reason that is gone comes back.
"""

from __future__ import annotations

import posixpath
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from .._ports import Files
from .config_edit import OverlayFiles, RestoredFiles, disable_lines, with_block
from .config_read import SOURCE_DIRECTIVES, Directive, EffectiveConfig, read_config, split_line
from .config_syntax import bad_source
from .config_write import HEADER, ConfigError, Declared, Key, render
from .layout import drop_in_dirs

__all__ = ["ManagedPaths", "Plan", "make_plan", "option_of"]

_POLICY = "softtoken.conf"
_SOURCES = "softtoken.sources"
_KEYS = "softtoken.keys"

#: Each round disables at least one line more; two are usual, and a configuration that needs more is a strange one.
_MAX_ROUNDS = 5
#: What lies below these is written by programs (DHCP clients, packages): a change there does not last.
_GENERATED = ("/run/", "/var/", "/usr/")
#: Directives that bring in time: initstepslew asks its servers at boot.
_BRINGS_TIME = (*SOURCE_DIRECTIVES, "refclock", "initstepslew")
#: A directive of which each occurrence counts: a later one replaces nothing.
_CUMULATIVE = ("ntstrustedcerts",)


class ManagedPaths(NamedTuple):
    """Where this collection's own files go on this host."""

    policy: str
    sources: str
    keys: str


class Plan(NamedTuple):
    """All texts that the files should have (None: the file should not exist), and what then takes effect.

    ``texts`` holds the files that this collection has to do with, changed or not; ``current`` their texts now.
    """

    paths: ManagedPaths
    texts: Dict[str, Optional[str]]
    current: Dict[str, Optional[str]]
    before: EffectiveConfig
    effective: EffectiveConfig
    disabled: Tuple[Directive, ...]

    @property
    def changed(self) -> Tuple[str, ...]:
        """The files whose text has to change."""
        return tuple(path for path in sorted(self.texts) if self.texts[path] != self.current[path])

    @property
    def sources(self) -> Tuple[Directive, ...]:
        """The sources that the daemon must have: not those lines of ``.sources`` files that it does not understand."""
        found = self.effective.named(*SOURCE_DIRECTIVES, "refclock")
        return tuple(one for one in found if not (one.in_sourcedir and bad_source(one)))


def make_plan(files: Files, main: str, declared: Declared, *, modern: bool) -> Plan:
    """Plan for the host's files; ``modern``: chrony 4.0 or later (confdir and sourcedir). Raises ConfigError."""
    return _Planner(files, main, declared, modern=modern).plan()


class _Planner:
    def __init__(self, files: Files, main: str, declared: Declared, *, modern: bool) -> None:
        self.files = files
        self.main = main
        self.declared = declared
        self.modern = modern
        self.before = read_config(files, main)
        self._refuse_unreadable()
        self.present = self._managed_now()
        self.original = RestoredFiles(files, self.present)
        self.base = read_config(self.original, main)
        self.disabled: Dict[Tuple[str, int], Directive] = {}
        self.known: Dict[str, None] = dict.fromkeys((*self.base.files, *self.before.files))

    def plan(self) -> Plan:
        self._disable(self._unwanted(self.base))
        paths = self._paths()
        found: List[Directive] = []
        for _round in range(_MAX_ROUNDS):
            texts = self._texts(paths)
            effective = self._effective(texts)
            self.known.update(dict.fromkeys(effective.files))
            # A directory that the main file now reads may hold more than this collection's own file.
            others = effective._replace(
                directives=tuple(one for one in effective.directives if one.file not in paths),
                source_files=tuple(path for path in effective.source_files if path not in paths),
            )
            found = [*self._unwanted(others), *self._overriding(effective, paths)]
            if not found:
                break
            self._disable(found)
        else:
            raise ConfigError(f"{self.main}: disabling what is not wanted has no end ({found[0].text})")
        if self.declared != Declared():  # the way back is open whatever it leads back to
            self._refuse_faults(effective)
            self._refuse_other(effective, paths)
            self._refuse_missing_keys(effective, texts)
            self._refuse_missing_certificates(effective)
        return Plan(
            paths=paths,
            texts=texts,
            current={path: self._now(path) for path in texts},
            before=self.before,
            effective=effective,
            disabled=tuple(self.disabled.values()),
        )

    def _refuse_unreadable(self) -> None:
        denied = [problem for problem in self.before.problems if problem.denied]
        if denied:
            raise ConfigError(f"{denied[0].message} ({denied[0].file}): run this task as root (become: true)")
        if self.main not in self.before.files:
            reason = self.before.problems[0].message if self.before.problems else f"{self.main} is a directory"
            message = f"{reason}: install chrony first (role softtoken.compliance.timesync), "
            raise ConfigError(message + "or say with config_file where chronyd's configuration is")

    def _managed_now(self) -> List[str]:
        """This collection's files that are there now, wherever an earlier layout put them."""
        candidates: Dict[str, None] = dict.fromkeys(
            path for path in self.before.files if posixpath.basename(path) in (_POLICY, _SOURCES)
        )
        folders = (*drop_in_dirs(self.main), posixpath.dirname(self.main))
        for folder in folders:
            for name in (_POLICY, _SOURCES, _KEYS):
                path = posixpath.join(folder, name)
                if self.files.exists(path):
                    candidates[path] = None
        return [path for path in candidates if self._is_ours(path)]

    def _is_ours(self, path: str) -> bool:
        return (self._now(path) or "").startswith(HEADER)

    def _now(self, path: str) -> Optional[str]:
        if not self.files.exists(path):
            return None
        try:
            return self.files.read_text(path)
        except OSError as exc:
            raise ConfigError(f"cannot read {path}: {exc.strerror or exc}") from exc

    # --- what has to go ------------------------------------------------------------------------------------------

    def _disable(self, directives: Sequence[Directive]) -> None:
        for directive in directives:
            self.disabled[(directive.file, directive.line)] = directive

    def _unwanted(self, config: EffectiveConfig) -> List[Directive]:
        unwanted = list(config.named(*self.declared.absent))
        if self.declared.keys is not None:
            unwanted += config.named("keyfile")
        if self.declared.exclusive:
            return unwanted + self._foreign_sources(config)
        ours = {_address(line.split()) for line in self.declared.ntp}
        return unwanted + [
            directive
            for directive in config.named(*SOURCE_DIRECTIVES)
            if _address((directive.name, *directive.args)) in ours and not _generated(directive.file)
        ]

    def _foreign_sources(self, config: EffectiveConfig) -> List[Directive]:
        """Every line that brings in time, and for files that programs write the directive that reads them."""
        sourcedirs = config.named("sourcedir")
        gone = [one for one in sourcedirs if any(_generated(folder) for folder in one.args)]
        unread = set(_source_folders(gone)) - set(_source_folders([one for one in sourcedirs if one not in gone]))
        lines = [
            directive
            for directive in config.named(*_BRINGS_TIME)
            if not (directive.in_sourcedir and posixpath.dirname(directive.file) in unread)
        ]
        for path in config.source_files:
            if posixpath.dirname(path) not in unread:
                lines += self._remaining_lines(path)
        return [*gone, *lines]

    def _remaining_lines(self, path: str) -> List[Directive]:
        """Every line of a ``.sources`` file, also those that chronyd would not understand."""
        lines = enumerate(self.original.read_text(path).split("\n"), start=1)
        words = [(number, split_line(line)) for number, line in lines if (path, number) not in self.disabled]
        return [Directive(one[0], one[1:], path, number, in_sourcedir=True) for number, one in words if one]

    def _overriding(self, effective: EffectiveConfig, paths: ManagedPaths) -> List[Directive]:
        """Lines of others that take effect after a managed one and say something else."""
        found: List[Directive] = []
        ours: Dict[str, Directive] = {}
        for directive in effective.directives:
            if directive.file == paths.policy:
                ours[directive.name] = directive
                continue
            mine = ours.get(directive.name)
            if mine and directive.name not in (*_CUMULATIVE, *_BRINGS_TIME) and not _same_value(mine, directive):
                found.append(directive)
        return found

    # --- where things go -----------------------------------------------------------------------------------------

    def _paths(self) -> ManagedPaths:
        confdir, sourcedir = drop_in_dirs(self.main)
        folder = posixpath.dirname(self.main)
        keys = posixpath.join(confdir if folder == "/etc" else folder, _KEYS)
        active = [one for one in self.base.directives if (one.file, one.line) not in self.disabled]
        confdir = next((found for found in _conf_folders(active) if not _generated(found)), confdir)
        sourcedir = next((found for found in _source_folders(active) if not _generated(found)), sourcedir)
        if not self.modern:
            sourcedir = confdir
        return ManagedPaths(posixpath.join(confdir, _POLICY), posixpath.join(sourcedir, _SOURCES), keys)

    def _block(self, paths: ManagedPaths) -> List[str]:
        """What the main file must say so that the managed files are read."""
        active = [one for one in self.base.directives if (one.file, one.line) not in self.disabled]
        lines = []
        confdir, sourcedir = posixpath.dirname(paths.policy), posixpath.dirname(paths.sources)
        if self._policy_lines(paths) and confdir not in _conf_folders(active):
            lines.append(f"confdir {confdir}" if self.modern else f"include {confdir}/*.conf")
        if self.modern and self.declared.ntp and sourcedir not in _source_folders(active):
            lines.append(f"sourcedir {sourcedir}")
        return lines

    def _policy_lines(self, paths: ManagedPaths) -> List[str]:
        lines = [] if self.modern else list(self.declared.ntp)
        lines += self.declared.refclocks
        if self.declared.keys:
            lines.append(f"keyfile {paths.keys}")
        return lines + list(self.declared.policy)

    # --- texts ---------------------------------------------------------------------------------------------------

    def _texts(self, paths: ManagedPaths) -> Dict[str, Optional[str]]:
        managed = {
            paths.policy: render(self._policy_lines(paths)),
            paths.sources: render(self.declared.ntp if self.modern else ()),
            paths.keys: render([_key_line(key) for key in self.declared.keys or ()]),
        }
        texts: Dict[str, Optional[str]] = {}
        lines: Dict[str, Set[int]] = {}
        for path, line in self.disabled:
            lines.setdefault(path, set()).add(line)
        for path in self.known:
            if path in self.present or path in managed:
                continue
            texts[path] = disable_lines(self.original.read_text(path), lines.get(path, set()))
        texts[self.main] = with_block(texts[self.main] or "", self._block(paths))
        texts.update(dict.fromkeys(self.present))
        for path, text in managed.items():
            if text:
                self._refuse_foreign(path)
                texts[path] = text
        return texts

    def _refuse_foreign(self, path: str) -> None:
        if self.files.exists(path) and path not in self.present:
            raise ConfigError(f"{path} exists and was not written by this module: move it away or add its header line")

    def _effective(self, texts: Dict[str, Optional[str]]) -> EffectiveConfig:
        return read_config(OverlayFiles(self.files, texts), self.main)

    # --- is it right? --------------------------------------------------------------------------------------------

    def _refuse_faults(self, effective: EffectiveConfig) -> None:
        for problem in effective.problems:
            if not problem.fatal and _generated(problem.file):
                continue  # whatever wrote it will write it again
            where = problem.file if problem.line is None else f"{problem.file}, line {problem.line}"
            raise ConfigError(f"{where}: {problem.message}. Nothing was changed; repair that file first")

    def _refuse_other(self, effective: EffectiveConfig, paths: ManagedPaths) -> None:
        """Check that the declared lines take effect, and with ``exclusive`` no others."""
        ours = [one.text for one in effective.directives if one.file in (paths.policy, paths.sources)]
        wanted = [*self._policy_lines(paths), *(self.declared.ntp if self.modern else ())]
        if set(ours) != set(wanted):
            missing = [line for line in wanted if line not in ours] or [paths.sources]
            raise ConfigError(
                f"chronyd would not read what is declared ({missing[0]}) from {paths.policy} and {paths.sources}: "
                f"another file hides them, or the directories are read in an unusual way; see {self.main}"
            )
        if self.declared.exclusive:
            for directive in effective.named(*_BRINGS_TIME):
                if directive.file not in (paths.policy, paths.sources):
                    raise ConfigError(f"cannot disable {directive.text} in {directive.file}, line {directive.line}")

    def _refuse_missing_keys(self, effective: EffectiveConfig, texts: Dict[str, Optional[str]]) -> None:
        """A source whose key nobody knows is never authenticated, and chronyd only says so in its log."""
        used = [one for one in effective.named(*SOURCE_DIRECTIVES) if option_of(one, "key")]
        if not used:
            return
        keyfile = effective.last("keyfile")
        path = keyfile.args[0] if keyfile and keyfile.args else None
        text = (texts[path] if path in texts else self._now(path)) if path else None
        known = {words[0] for words in map(split_line, (text or "").split("\n")) if words}
        for source in used:
            key = option_of(source, "key")
            if key not in known:
                message = f"{source.text} ({source.file}, line {source.line}): key {key} is not in "
                raise ConfigError(message + (path or "any key file, since no keyfile is configured"))

    def _refuse_missing_certificates(self, effective: EffectiveConfig) -> None:
        """A declared source whose set has no certificates trusts nobody. Set 0 has the system's."""
        filled = {one.args[0].lstrip("0") for one in effective.named("ntstrustedcerts") if len(one.args) > 1}
        for source in effective.named(*SOURCE_DIRECTIVES):
            certset = (option_of(source, "certset") or "").lstrip("0")
            if certset and certset not in filled and source.text in self.declared.ntp:
                raise ConfigError(
                    f"{source.text}: certset {certset} has no certificates. Add 'ntstrustedcerts {certset} FILE' to "
                    f"the host's own chrony configuration ({self.main}), or leave certset out"
                )


def _conf_folders(directives: Sequence[Directive]) -> List[str]:
    """The directories whose ``*.conf`` files are read."""
    folders = []
    for directive in directives:
        if directive.name == "confdir":
            folders += [folder.rstrip("/") for folder in directive.args]
        elif directive.name == "include" and directive.args and posixpath.basename(directive.args[0]) == "*.conf":
            folders.append(posixpath.dirname(directive.args[0]))
    return folders


def _source_folders(directives: Sequence[Directive]) -> List[str]:
    return [folder.rstrip("/") for one in directives if one.name == "sourcedir" for folder in one.args]


def _generated(path: str) -> bool:
    return f"{path}/".startswith(_GENERATED)


def option_of(source: Directive, option: str) -> Optional[str]:
    """The value of an option of a server, pool or peer; None without it."""
    for word, value in zip(source.args[1:], source.args[2:]):
        if word.lower() == option:
            return value
    return None


def _address(words: Sequence[str]) -> str:
    return words[1].lower() if len(words) > 1 else ""


def _same_value(one: Directive, other: Directive) -> bool:
    return [_plain(word) for word in one.args] == [_plain(word) for word in other.args]


def _plain(word: str) -> str:
    try:
        return repr(float(word))
    except ValueError:
        return word.lower()


def _key_line(key: Key) -> str:
    return f"{key.id} {key.type} {key.value}"
