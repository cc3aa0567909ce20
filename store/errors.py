"""What can go wrong with the store, each as one sentence that says what to do."""


class StoreError(Exception):
    """The database cannot be reached or used; trying again may mend it."""


class UnusableURLError(StoreError):
    """The database's url names nothing that could ever be reached."""


class ContradictionError(StoreError):
    """What is asked contradicts what is stored; no retry mends it, a person must look."""
