"""What can go wrong, in one sentence a person can act on.

Knows: the exceptions that every room may raise and the exit status each one means.
Refuses to know: how a message is shown (the command line, HTTP and notebooks each do that).
"""


class VoxhausError(Exception):
    """Something failed; the message says what, and what to do. Exit status 1."""

    exit_status = 1


class InputError(VoxhausError):
    """The caller gave something unusable; the message says what to give instead. Exit status 2.

    Attributes:
        param: name of the offending parameter, or None. The HTTP layer reports it as is.
    """

    exit_status = 2

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class WeightsError(VoxhausError):
    """Model files are missing, damaged or of another version. Exit status 1."""


class MissingExtraError(VoxhausError):
    """An optional dependency is not installed; the message names the extra. Exit status 1."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs the package '{package}'. Install it with: pip install 'voxhaus[{extra}]'"
        )
