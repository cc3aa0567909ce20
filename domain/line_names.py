"""How the lines of an order are named: by their SKU, which is then theirs alone.

Where one SKU stands in several lines, at two prices for example, its lines are named `A#1`, `A#2`,
or by the ids that the marketplace gives them, `A#7731`. A name is the same whenever the order is
read, in whatever order its lines come, for what is refunded is kept by it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeGuard, TypeVar


class Named(Protocol):
    """A line of an order, by its name and as the marketplace knows it."""

    @property
    def sku(self) -> str:
        """Its name."""

    @property
    def article(self) -> str | None:
        """Its SKU, where that is not its name."""

    @property
    def line_id(self) -> str | None:
        """The marketplace's own id of it."""

    @property
    def quantity(self) -> int:
        """How many units were bought."""


class Units(Protocol):
    """So many units of a line."""

    @property
    def sku(self) -> str:
        """Which line."""

    @property
    def quantity(self) -> int:
        """How many."""

    def model_copy(self, *, update: dict[str, Any]) -> Any:
        """The same with other values."""


U = TypeVar("U", bound=Units)

UNITS = {"id", "sku", "quantity"}
"""How the marketplace tells some units: of a line by its id, its SKU or both."""


def named_lines(given: Any) -> Any:
    """An order as the marketplace tells it, with the names of its lines in the place of their SKUs,
    also in its parcels; one that is named already stays as it is.
    """
    lines = given.get("lines") if isinstance(given, dict) else None
    if not _are_of_form(lines) or not all("sku" in line for line in lines):
        return given  # its reader says what is wrong with it
    times = Counter(line["sku"] for line in lines)
    if max(times.values(), default=0) <= 1 and not any("id" in line for line in lines):
        return given
    named, numbers = [dict(line) for line in lines], Counter[str]()
    for line in sorted(named, key=_content):
        sku, id_ = line["sku"], line.pop("id", None)
        if id_ is not None:
            line["line_id"] = id_
        if times[sku] > 1:
            numbers[sku] += 1
            line |= {"sku": f"{sku}#{id_ or numbers[sku]}", "article": sku}
    return given | {"lines": named} | _named_parcels(given.get("parcels"), named)


def resolved(
    units: Iterable[U], lines: Sequence[Named], about: Mapping[str, int] | None = None
) -> tuple[U, ...]:
    """Units by the names of their lines, where they are called otherwise: by a line's id, or by an
    SKU of several lines, if it is clear which of these are meant: one alone, or all of their units.

    `about`: the lines that can be meant, and how many units of each; left out, all of the order.
    What is not clear stays as it was called, and is then of no line: that is answered with the
    names.
    """
    given = tuple(units)
    names = {line.sku for line in lines}
    ids = {line.line_id: line.sku for line in lines if line.line_id}
    of = {line.sku: line.quantity for line in lines} if about is None else about
    wanted = Counter[str]()
    for unit in given:
        wanted[unit.sku] += unit.quantity
    found: list[U] = []
    for unit in given:
        shared = [line.sku for line in lines if line.article == unit.sku and of.get(line.sku)]
        if unit.sku in names:
            found.append(unit)
        elif unit.sku in ids:
            found.append(unit.model_copy(update={"sku": ids[unit.sku]}))
        elif len(shared) == 1:
            found.append(unit.model_copy(update={"sku": shared[0]}))
        elif shared and sum(of[name] for name in shared) == unit.quantity == wanted[unit.sku]:
            for name in shared:
                found.append(unit.model_copy(update={"sku": name, "quantity": of[name]}))
        else:
            found.append(unit)
    return tuple(found)


def _are_of_form(lines: Any) -> TypeGuard[list[dict[str, Any]]]:
    """Whether these name so many units each, as far as that matters here."""
    return isinstance(lines, list | tuple) and all(
        isinstance(line, dict)
        and isinstance(line.get("sku", ""), str)
        and isinstance(line.get("id", ""), str)
        and isinstance(line.get("quantity"), int)
        for line in lines
    )


def _content(line: dict[str, Any]) -> tuple[int, str]:
    """What orders the lines of one SKU, whatever order they come in: the cheapest is the first."""
    price = line.get("unit_price_minor")
    return (price if isinstance(price, int) else 0, repr(sorted(line.items())))


def _named_parcels(parcels: Any, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The parcels with the names of what is in them. Units of an SKU of several lines are taken
    from the first that has some left: which of them lies in which parcel is nobody's to know.
    """
    if not isinstance(parcels, list | tuple):
        return {}
    left = {line["sku"]: line["quantity"] for line in lines}
    ids = {line["line_id"]: line["sku"] for line in lines if "line_id" in line}
    named = []
    for parcel in parcels:
        held = parcel.get("lines") if isinstance(parcel, dict) else None
        if not _are_of_form(held) or any(each.keys() - UNITS for each in held):
            named.append(parcel)
            continue
        inside: Counter[str] = Counter()
        for units in held:
            number = units["quantity"]
            sku = ids.get(units.get("id", ""), units.get("sku", ""))
            shared = [line["sku"] for line in lines if line.get("article") == sku]
            for name in shared:
                taken = min(number, max(0, left[name]))
                inside[name] += taken
                left[name] -= taken
                number -= taken
            inside[shared[-1] if shared else sku] += number
            if not shared and sku in left:
                left[sku] -= number
        told = [{"sku": sku, "quantity": number} for sku, number in inside.items() if number]
        named.append({**parcel, "lines": told})
    return {"parcels": named}
