"""What options of the command line may be; the message says what they are not."""

from __future__ import annotations

import argparse


def port(text: str) -> int:
    """A port, 0 to 65535."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports are 0 to 65535")
    return int(text)


def positive(text: str) -> int:
    """A whole number above zero."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def whole(text: str) -> int:
    """A whole number from zero up."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from zero up")
    return int(text)


def length(text: str) -> float:
    """A number above zero, Å where it is a length."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no length in angstrom above zero")
    return value


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name")
    return found


def sizes(text: str) -> tuple[int, ...]:
    """Whole numbers above zero with commas between them."""
    return tuple(positive(part.strip()) for part in text.split(","))


def origin(text: str) -> str:
    """A host, never ``*``."""
    if "*" in text:
        raise argparse.ArgumentTypeError("name the host; '*' would let any site use the server")
    return text
