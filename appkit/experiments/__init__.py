"""One module for each table or figure of the talks: data in, a result record out."""

from appkit.experiments.result import (
    Details,
    RecordError,
    Result,
    Row,
    Spread,
    details_of,
    latest,
    results,
    save,
)
from appkit.experiments.store import FeatureStore, StoreError, StoreLocked

__all__ = [
    "Details",
    "FeatureStore",
    "RecordError",
    "Result",
    "Row",
    "Spread",
    "StoreError",
    "StoreLocked",
    "details_of",
    "latest",
    "results",
    "save",
]
