"""What can go wrong with the store, each as one sentence that says what to do."""

from domain.ports import StaleReckoningError


class StoreError(Exception):
    """The database cannot be reached or used; trying again may mend it."""


class UnusableURLError(StoreError):
    """The database's url names nothing that could ever be reached."""


class NewerSchemaError(StoreError):
    """The tables are of a newer release than the one that looks."""


class ContradictionError(StoreError):
    """What is asked contradicts what is stored; no retry mends it, a person must look."""


class StaleError(StoreError, StaleReckoningError):
    """Money came back since an amount was reckoned; it has to be reckoned anew."""
