"""Complete, fill and discuss code from the command line, with models on your own machine."""

__version__ = "0.1.0"
