"""The errors a caller can meet. Each message says what happened, with the numbers, and the cure.

AmError
|-- InvalidInput (ValueError)      what was given cannot be taken; nothing was changed
|   |-- InvalidText                empty, blank, or characters that no text has
|   |-- InvalidNamespace           not a tuple of non-empty strings
|   |-- InvalidTime                a datetime without a time zone, or not a time at all
|   |-- InvalidMetadata            not JSON
|   |-- InvalidVector              NaN, infinite, all zero, or not a vector
|   |   `-- DimensionMismatch      a vector of another dimension than the memory's
|   |-- InvalidFilter              an unknown operator or an operand of the wrong kind
|   |-- InvalidArgument            k, beta, ttl, ids, ... outside their range
|   |-- InvalidFile                an empty file, or one with something in it that cannot be read
|   `-- UnknownFormat              a file in no format that can be loaded
|-- UnknownEpisode (KeyError)      no such id in that namespace
|-- UnknownRecall (KeyError)       no recall of that id waits for feedback
|-- UnknownPrototype (KeyError)    no prototype and no run of that id
|-- ClosedMemory (RuntimeError)    used after close()
|-- EmbedderError                  text cannot be turned into vectors
|   |-- EmbedderMismatch           the file was made with another embedder
|   `-- EmbedderUnavailable        the model cannot be had, or is not what it should be
`-- StoreError                     the database cannot be used
|-- NotAMemory                 the file is not SQLite, or another program's
|-- DamagedDatabase            the file is truncated or corrupt
|-- ReadOnlyDatabase           no permission to write
|-- DiskFull                   no room for what was to be written
|-- LockedDatabase             another process held the lock for too long
|-- SchemaTooNew               written by a newer version of am_agent
`-- UnsupportedDatabase        a URL of a database that is not supported
"""


class AmError(Exception):
    """Base of every error that am_agent raises on purpose."""


class InvalidInput(AmError, ValueError):
    """What was given cannot be taken; nothing was changed."""


class InvalidText(InvalidInput):
    """A text that is empty, blank, or holds characters that no text has."""


class InvalidNamespace(InvalidInput):
    """A namespace that is not a tuple of non-empty strings."""


class InvalidTime(InvalidInput):
    """A datetime without a time zone, or something that is no time."""


class InvalidMetadata(InvalidInput):
    """Metadata that JSON cannot carry without loss."""


class InvalidVector(InvalidInput):
    """A vector with NaN or infinity, of length zero, or of the wrong shape."""


class DimensionMismatch(InvalidVector):
    """A vector of another dimension than the memory's."""


class InvalidFilter(InvalidInput):
    """A filter with an unknown operator or an operand of the wrong kind."""


class InvalidArgument(InvalidInput):
    """An argument outside its range."""


class InvalidFile(InvalidInput):
    """A file that is empty, or holds something that cannot be read; the message names the place."""


class UnknownFormat(InvalidInput):
    """A file in no format that can be loaded; the message names what was found, and the formats."""


class UnknownEpisode(AmError, KeyError):
    """There is no episode of that id in that namespace."""

    def __str__(self) -> str:
        # KeyError would show the message in quotes, as it does with a key.
        return Exception.__str__(self)


class UnknownRecall(AmError, KeyError):
    """No recall of that id waits for feedback any more, or ever did."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class UnknownPrototype(AmError, KeyError):
    """There is no prototype, and no run of `consolidate`, of that id."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class ClosedMemory(AmError, RuntimeError):
    """The memory was used after it was closed."""


class EmbedderError(AmError):
    """Text cannot be turned into vectors."""


class EmbedderMismatch(EmbedderError):
    """The file was made with another embedder.

    Attributes:
        found: The name of the file's embedder.
    """

    def __init__(self, message: str, *, found: str = "") -> None:
        super().__init__(message)
        self.found = found


class EmbedderUnavailable(EmbedderError):
    """The model cannot be had, or its weights are not the expected ones."""


class StoreError(AmError):
    """The database cannot be used."""


class NotAMemory(StoreError):
    """The file is not an SQLite database, or another program's."""


class DamagedDatabase(StoreError):
    """The file is truncated or corrupt."""


class ReadOnlyDatabase(StoreError):
    """The file or its folder cannot be written."""


class DiskFull(StoreError):
    """The disk has no room for what was to be written."""


class LockedDatabase(StoreError):
    """Another process held the database's lock for too long."""


class SchemaTooNew(StoreError):
    """The file was written by a newer version of am_agent."""


class UnsupportedDatabase(StoreError):
    """The URL names a database that is not supported."""
