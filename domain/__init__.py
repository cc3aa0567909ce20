"""The field's own words as pure types: no clock, no network, no database, no Temporal.

Nothing here imports another package of the project, so that workflows may use all of it.
"""
