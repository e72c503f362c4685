"""The package's version, which is also that of the command."""

from importlib.metadata import version

__version__ = version("ftperm")
