"""Packages that may be here or not."""


def version(package: str) -> str:
    """The version of an installed package, empty where it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return ""
