"""The other cases of an order in a case's document, and how they belong to it."""

from collections.abc import Iterator

from domain.export import LinkedRecord, Relation
from domain.kin import kin
from domain.kinds import Kind
from domain.parties import Party
from domain.view import CaseView
from store.exporting import Filed


def linked_records(
    filed: Filed | None, view: CaseView | None, reader: Party | None
) -> Iterator[LinkedRecord]:
    """The other cases of the order; to a buyer not what the seller claims from carriers."""
    relations = _relations(view) if view else {}
    others = filed.others if filed else ()
    known = {
        other.case_id: LinkedRecord(
            case_id=other.case_id,
            relation=Relation.SAME_ORDER,
            kind=other.kind,
            opened_at=other.opened_at,
            ended_at=other.closed_at,
            ending=other.ending,
        )
        for other in others
    }
    own_id = filed.filing.case_id if filed else ""
    for case_id in dict.fromkeys((*known, *relations)):
        one = known.get(case_id) or _of_id(case_id)
        if one.kind is Kind.CARRIER_CLAIM and reader is Party.BUYER:
            continue
        relation = relations.get(case_id) or _relation(own_id, case_id, one.kind)
        yield one.model_copy(update={"relation": relation})


def _of_id(case_id: str) -> LinkedRecord:
    """All that is known of a case that the database does not know: its id."""
    return LinkedRecord(
        case_id=case_id,
        relation=Relation.SAME_ORDER,
        kind=_kind(case_id),
        opened_at=None,
        ended_at=None,
        ending=None,
    )


def _kind(case_id: str) -> Kind | None:
    kind = case_id.partition(":")[0]
    return Kind(kind) if kind in tuple(Kind) else None


def _relations(view: CaseView) -> dict[str, Relation]:
    """How the cases that the case knows of belong to it; the closest relation counts."""
    relations: dict[str, Relation] = {}
    for relation, case_id in kin(view):
        relations.setdefault(case_id, relation)
    return relations


def _relation(own: str, other: str, kind: Kind | None) -> Relation:
    """How another case of the order belongs to this one, as far as their ids tell."""
    if kind is Kind.CARRIER_CLAIM:
        return Relation.CARRIER_CLAIM
    if _is_return_of(own, other):
        return Relation.BRINGS_GOODS
    if _is_return_of(other, own):
        return Relation.BELONGS_TO
    return Relation.SAME_ORDER


def _is_return_of(case_id: str, other: str) -> bool:
    """Whether the id is of a return that was opened for this case (`OpenReturn.case_id`)."""
    if case_id.count(":") < 2:
        return False
    kind, country, rest = case_id.split(":", 2)
    return other.startswith(f"{Kind.RETURN}:{country}:{kind}-{rest.replace(':', '-')}:")
