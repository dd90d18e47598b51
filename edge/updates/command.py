"""`edge-enhance model`: install a profile on this unit, go back to the one before, and say what is there."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.basics.command import exit_code_of
from edge.basics.errors import EdgeError, ModelError, UsageError
from edge.config import Config, load_config
from edge.models.bundle import Contents, expected_sha256
from edge.models.profile import SHIPPED, load_profile, profile_in, profile_names, profile_roots
from edge.updates.proof import prove
from edge.updates.running_unit import RunningUnit
from edge.updates.store import ModelStore

PROGRAM = "edge-enhance model"
EXAMPLES = """examples:
  edge-enhance model install live-3.bundle           its sha256 is in live-3.bundle.sha256
  edge-enhance model install live-3.bundle --sha256 794169e2...
  edge-enhance model rollback                        the version before, at once
  edge-enhance model list"""
SHORT = 12


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="check a bundle, prove it and put it in use, live where a unit runs")
    install.add_argument("file", type=Path, metavar="FILE", help="made by edge-export bundle")
    install.add_argument("--sha256", metavar="HEX", help="what the file must hash to; else FILE.sha256 says it")
    install.set_defaults(run=run_install)
    rollback = commands.add_parser("rollback", help="put the version before in use again")
    rollback.add_argument("profile", nargs="?", metavar="PROFILE", help="by default the configured one")
    rollback.set_defaults(run=run_rollback)
    listing = commands.add_parser("list", help="every profile and its versions")
    listing.set_defaults(run=run_list)
    show = commands.add_parser("show", help="what a profile's manifest says")
    show.add_argument("profile", metavar="PROFILE")
    show.set_defaults(run=run_show)
    for command in (install, rollback, listing, show):
        command.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
        command.add_argument("--debug", action="store_true", help="show tracebacks")
    return top


def run_install(args: argparse.Namespace, config: Config) -> int:
    store = _store(config)
    sha256 = expected_sha256(args.file, args.sha256)

    def proving(part: Path, contents: Contents) -> None:
        try:
            for line in prove(part, contents, config):
                _say(line.replace(str(part), str(args.file)))
        except ModelError as error:  # the folder is gone by the time that this is read
            raise ModelError(f"not installed: {str(error).replace(str(part), str(args.file))}") from error

    with store.locked(), _pruned(store):
        contents, name, before = store.take(args.file, sha256, proving)
        _put_in_use(store, contents.profile, name, before, config)
    _say(f"installed: {contents.profile} {contents.version}, sha256 {contents.model_sha256[:SHORT]}, as {name}")
    return 0


def run_rollback(args: argparse.Namespace, config: Config) -> int:
    store, profile = _store(config), args.profile or config.engine.profile
    with store.locked(), _pruned(store):
        before = store.in_use(profile)
        if not before:
            raise ModelError(f"{store.root / profile}: nothing is installed there, so there is nothing to go back from")
        name = store.previous_of(before)
        if name:
            for line in prove(store.folder(name), store.checked(name), config):
                _say(line)
            store.set_previous(name, before)  # so that rollback undoes a rollback
        else:
            load_profile(profile, (SHIPPED,))
        _put_in_use(store, profile, name, before, config)
    _say(f"in use again: {name or f'the shipped {profile}'}, after {before}")
    return 0


@contextmanager
def _pruned(store: ModelStore) -> Iterator[None]:
    try:
        yield
    finally:
        store.prune()


def _put_in_use(store: ModelStore, profile: str, name: str, before: str, config: Config) -> None:
    """Exchange the link, and have a running unit take it; where it does not, the link goes back.

    Raises:
        ModelError: the unit refused; `before` is in use.
    """
    unit, stop = RunningUnit(config.web.listen), threading.Event()
    record = unit.health()
    store.use(profile, name)
    if record is None:
        _say(f"no unit answers on {config.web.listen}; it takes effect at the next start")
        return
    is_taken, reason = False, "interrupted"
    try:
        outcome = unit.reload(record, stop)
        is_taken, reason = outcome.ok, outcome.reason
    finally:
        if not is_taken:
            store.use(profile, before)
    if not is_taken:
        raise ModelError(f"the running unit did not take it, what was in use stays: {reason}")
    sha256 = load_profile(profile, profile_roots(config.engine.models)).sha256
    is_shown = record.get("profile") == profile and unit.runs(sha256, stop)
    _say(f"the running unit (process {record['pid']}) {'shows' if is_shown else 'has taken'} {sha256[:SHORT]}")


def run_list(args: argparse.Namespace, config: Config) -> int:
    for line in _listed(config):
        _say(line)
    return 0


def _listed(config: Config) -> Iterator[str]:
    roots = profile_roots(config.engine.models)
    store = ModelStore(roots[0]) if config.engine.models else None
    for name in profile_names(roots):
        try:
            profile = load_profile(name, roots)
            description = f"version {profile.manifest['version']}, sha256 {profile.sha256[:SHORT]}, in {profile.folder}"
        except ModelError as error:
            description = f"damaged: {error}"
        yield f"{name}: {description}{', configured' if name == config.engine.profile else ''}"
        if store is None or not (previous := _previous(store, name)):
            continue
        yield f"  previous: {previous}"


def _previous(store: ModelStore, profile: str) -> str:
    """The version before the one in use, as a person reads it; empty where none was installed."""
    try:
        name = store.in_use(profile)
        if not name:
            return ""
        previous = store.previous_of(name)
        if not previous:
            return "the shipped profile" if profile in profile_names() else "none"
        contents = store.checked(previous)
    except EdgeError as error:
        return f"damaged: {error}"
    return f"version {contents.version}, sha256 {contents.model_sha256[:SHORT]}, in {store.folder(previous)}"


def run_show(args: argparse.Namespace, config: Config) -> int:
    roots = profile_roots(config.engine.models)
    profile = load_profile(args.profile, roots)
    manifest = profile_in(profile.folder, args.profile).manifest
    for key in ("name", "version", "sha256", "licence", "made_at"):
        _say(f"{key}: {manifest[key]}")
    _say(f"folder: {profile.folder}")
    _say(f"precisions: {', '.join(['fp32', *manifest.get('precisions', {})])}")
    _say(f"golden frame: {'stored' if 'golden' in manifest else 'not stored'}")
    if config.engine.models and (previous := _previous(ModelStore(roots[0]), args.profile)):
        _say(f"previous: {previous}")
    return 0


def _store(config: Config) -> ModelStore:
    if not config.engine.models:
        raise UsageError(
            "engine.models is empty, so this unit has no folder for profiles of its own; set it in the configuration, "
            'for example engine.models = "/var/lib/edge-enhance/models"'
        )
    return ModelStore(Path(config.engine.models))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")

    def run() -> int:
        return int(args.run(args, load_config(args.config, {}).config))

    return exit_code_of(PROGRAM, run, debug=args.debug)


if __name__ == "__main__":
    sys.exit(main())
