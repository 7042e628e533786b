"""Public data sets: the catalogue, the cache, embedded sets and readers."""

from appkit.data.catalogue import Dataset, entries, get, where
from appkit.data.download import ChecksumError, DataError, MissingFileError
from appkit.data.files import UnreadableFileError
from appkit.data.molecules import MoleculeSet, load_molecules

__all__ = [
    "ChecksumError",
    "DataError",
    "Dataset",
    "MissingFileError",
    "MoleculeSet",
    "UnreadableFileError",
    "entries",
    "get",
    "load_molecules",
    "where",
]
