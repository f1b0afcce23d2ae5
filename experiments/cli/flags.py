"""The flags of the command line, which are Hydra's: the one module that needs what Hydra keeps to itself."""

import argparse
import contextlib
import io
import re
import sys

from hydra._internal.utils import get_args_parser

from experiments.cli.complaints import did_you_mean
from experiments.errors import UserError


def parse_flags() -> argparse.Namespace:
    """Returns Hydra's own reading of `sys.argv`, where settings may stand on both sides of a flag.

    Raises:
        UserError: there is a flag that Hydra does not know, or one of its own lacks something.
    """
    parser, usage = get_args_parser(), io.StringIO()
    try:
        with contextlib.redirect_stderr(usage):
            flags, unknown = parser.parse_known_intermixed_args()
    except SystemExit as stop:
        if not stop.code:
            raise  # --version
        raise UserError(usage.getvalue().rpartition("error: ")[2].strip()) from None
    for argument in unknown:
        raise UserError(_unknown(argument, parser))
    return flags


def _unknown(argument: str, parser: argparse.ArgumentParser) -> str:
    if "=" in argument:
        return f"{argument}: settings take no dashes; write {argument.lstrip('-')}"
    near = did_you_mean(argument, re.findall(r"--[\w-]+", parser.format_usage()))
    fix = near or f"; a setting takes no dashes, as in {argument.lstrip('-')}=VALUE"
    return f"{argument}: no such flag{fix}"


def rewrite(settings: list[str], old: list[str], *, multirun: bool) -> None:
    """Puts other settings in the place of the old ones of `sys.argv`, behind all flags."""
    flags = [argument for argument in sys.argv[1:] if argument not in old]
    more = ["--multirun"] if multirun and not {"-m", "--multirun"} & {*flags} else []
    sys.argv[1:] = [*flags, *more, *settings]
