"""The fixture that runs a command in this process."""

from tests.policy.commands import command

__all__ = ["command"]
