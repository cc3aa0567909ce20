"""Schemas of what is answered that has no model of its own, for the OpenAPI document."""

from typing import Any

from api.roles import Role
from domain.parties import Party

TEMPLATE = "#/components/schemas/{model}"

TEXT: dict[str, Any] = {"type": "string"}


def listed(model: str, **more: Any) -> dict[str, Any]:
    """A whole list."""
    properties = {"items": {"type": "array", "items": {"$ref": TEMPLATE.format(model=model)}}}
    return {
        "type": "object",
        "required": ["items", *more],
        "properties": {**properties, **more},
    }


def or_none(model: str) -> dict[str, Any]:
    """A value that may be missing."""
    return {"anyOf": [{"$ref": TEMPLATE.format(model=model)}, {"type": "null"}]}


FIGURES: dict[str, Any] = {
    "closed": {"type": "integer"},
    "solved": {"type": "integer"},
    "solved_share": {"type": ["number", "null"]},
    "without_agent": {"type": "integer"},
    "without_agent_share": {"type": ["number", "null"]},
}
NEXT = {"type": ["string", "null"], "description": "`after` of the next page; null on the last."}
OWN: dict[str, dict[str, Any]] = {
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": {**TEXT, "format": "uri-reference"},
            "title": TEXT,
            "status": {"type": "integer"},
            "code": {**TEXT, "description": "A row of /refusals."},
            "detail": {**TEXT, "description": "One sentence that says what to do."},
            "request_id": TEXT,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": {**TEXT, "format": "json-pointer"},
                        "parameter": TEXT,
                        "detail": TEXT,
                    },
                },
            },
        },
        "example": {
            "type": "/refusals#wrong-stage",
            "title": "It is refused.",
            "status": 409,
            "code": "wrong-stage",
            "detail": "Not while the dispute is settling.",
            "request_id": "3f1c9a0d7e5b4c2f8a6d1e0b9c8d7f6a",
        },
    },
    "Link": {
        "type": "object",
        "required": ["link", "until"],
        "properties": {
            "link": {**TEXT, "description": "A bearer token for this one case."},
            "until": {**TEXT, "format": "date-time"},
        },
        "example": {"link": "eyJhbGciOiJIUzI1NiIs…", "until": "2026-12-30T16:58:24Z"},
    },
    "Me": {
        "type": "object",
        "required": ["role", "id", "name", "queues", "party"],
        "properties": {
            "role": {"enum": [role.value for role in Role]},
            "id": TEXT,
            "name": TEXT,
            "queues": {"type": "array", "items": TEXT},
            "party": {"enum": [party.value for party in Party]},
        },
        "example": {
            "role": "agent",
            "id": "a-7",
            "name": "Anna Nowak",
            "queues": ["disputes-pl"],
            "party": "agent",
        },
    },
    "Action": {
        "type": "object",
        "required": ["verb", "method", "href", "schema", "needs_if_match"],
        "properties": {
            "verb": TEXT,
            "method": {"const": "POST"},
            "href": {**TEXT, "format": "uri-reference"},
            "schema": {**TEXT, "format": "uri-reference"},
            "needs_if_match": {"type": "boolean"},
        },
    },
    "Tried": {
        "type": "object",
        "required": ["case_id", "would_be", "refusal", "ways"],
        "properties": {
            "case_id": TEXT,
            "would_be": {"enum": ["taken", "refused"]},
            "refusal": or_none("Refusal"),
            "ways": {
                "type": "array",
                "items": {"$ref": TEMPLATE.format(model="WayOn")},
                "description": "Where it would lead, and what money would move.",
            },
        },
    },
    "DoneOrTried": {"oneOf": [{"$ref": TEMPLATE.format(model=name)} for name in ("Done", "Tried")]},
    "Taken": {
        "type": "object",
        "required": ["case_id", "verb", "receipt"],
        "properties": {"case_id": TEXT, "verb": TEXT, "receipt": or_none("Receipt")},
    },
    "Timeline": listed("Entry"),
    "Messages": listed("Message"),
    "Letters": listed("Letter"),
    "Deadlines": listed(
        "ClockView",
        over={"type": "array", "items": {"$ref": TEMPLATE.format(model="ClockView")}},
    ),
    "EventPage": listed(
        "PublicEvent",
        next={"type": "integer", "description": "`after` of the next page, also of an empty one."},
    ),
    "EventStream": {
        **TEXT,
        "description": "Server-sent events, the `data` of each a PublicEvent.",
        "example": 'id: 4711\nevent: case.stage-changed\ndata: {"type": "case.stage-changed"}\n\n',
    },
    "EndpointAdded": {
        "type": "object",
        "required": ["endpoint", "secret"],
        "properties": {
            "endpoint": {"$ref": TEMPLATE.format(model="Endpoint")},
            "secret": {**TEXT, "description": "What deliveries are signed with."},
        },
    },
    "Endpoints": listed("Endpoint"),
    "SecretReplaced": {
        "type": "object",
        "required": ["secret", "before_until"],
        "properties": {"secret": TEXT, "before_until": {**TEXT, "format": "date-time"}},
    },
    "WebhookDeliveryPage": listed(
        "WebhookDelivery",
        next={
            "type": ["integer", "null"],
            "description": "`after` of the next page; null on the last.",
        },
    ),
    "TaskPage": listed("Task", next=NEXT),
    "Job": {
        "type": "object",
        "required": ["id", "state", "begun_at", "items", "done", "refused"],
        "properties": {
            "id": TEXT,
            "state": {"enum": ["running", "done"]},
            "begun_at": {**TEXT, "format": "date-time"},
            "items": {"type": "integer"},
            "done": {"type": "integer", "description": "How many have a result."},
            "refused": {"type": "integer", "description": "How many of those were refused."},
        },
        "example": {
            "id": "job-3f1c9a0d7e5b4c2f8a6d1e0b9c8d7f6a",
            "state": "running",
            "begun_at": "2026-11-30T16:58:24Z",
            "items": 120,
            "done": 40,
            "refused": 1,
        },
    },
    "JobItemResult": {
        "type": "object",
        "required": ["place", "case_id", "command_id", "status", "receipt", "problem"],
        "properties": {
            "place": {"type": "integer"},
            "case_id": TEXT,
            "command_id": TEXT,
            "status": {"type": ["integer", "null"]},
            "receipt": or_none("Receipt"),
            "problem": or_none("Problem"),
        },
    },
    "JobItemPage": {
        **listed("JobItemResult", next=NEXT),
        "example": {
            "items": [
                {
                    "place": 0,
                    "case_id": "dispute:PL:PL-1001:1",
                    "command_id": "job-3f1c9a0d7e5b4c2f8a6d1e0b9c8d7f6a:0",
                    "status": None,
                    "receipt": None,
                    "problem": None,
                }
            ],
            "next": None,
        },
    },
    "File": {**TEXT, "format": "binary", "example": "…"},
    "Attached": {
        "type": "object",
        "required": ["sha256", "size", "media_type"],
        "properties": {
            "sha256": {**TEXT, "pattern": "^[0-9a-f]{64}$"},
            "size": {"type": "integer", "description": "In bytes."},
            "media_type": TEXT,
        },
        "example": {
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "size": 90_211,
            "media_type": "image/jpeg",
        },
    },
    "Upload": {
        "type": "object",
        "required": ["id", "size", "received", "piece", "sha256"],
        "properties": {
            "id": TEXT,
            "size": {"type": "integer"},
            "received": {"type": "integer", "description": "Where the next piece begins."},
            "piece": {"type": "integer", "description": "Bytes of a piece at most."},
            "sha256": {"type": ["string", "null"], "description": "Once it is whole and kept."},
        },
        "example": {
            "id": "3f1c9a0d7e5b4c2f8a6d1e0b9c8d7f6a",
            "size": 7_340_032,
            "received": 5_000_000,
            "piece": 5_000_000,
            "sha256": None,
        },
    },
    "DeedPage": listed("Deed", next=NEXT),
    "PreviewOfCase": {
        "type": "object",
        "required": ["preview", "currency", "refund", "refund_amount"],
        "properties": {
            "preview": or_none("RefundPreview"),
            "currency": {"type": ["string", "null"]},
            "refund": or_none("RefundReport"),
            "refund_amount": or_none("Money"),
        },
    },
    "CasePage": listed(
        "Listed",
        next=NEXT,
        changed_since={
            "type": ["integer", "null"],
            "description": "What to ask with next, of a list of what has changed.",
        },
    ),
    "OrderAhead": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["kind", "refusal", "outlook"],
                    "properties": {
                        "kind": TEXT,
                        "refusal": or_none("Refusal"),
                        "right_until": {"type": ["string", "null"], "format": "date-time"},
                        "at_stake": or_none("Money"),
                        "refund": or_none("RefundPreview"),
                        "refunded_before": {
                            "type": "array",
                            "items": {"$ref": TEMPLATE.format(model="Line")},
                        },
                        "open_cases": {"type": "array", "items": TEXT},
                        "outlook": or_none("Outlook"),
                    },
                },
            }
        },
    },
    "Told": {
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["event_id"],
                    "properties": {
                        "event_id": TEXT,
                        "told": {"type": "array", "items": TEXT},
                        "problem": {"$ref": TEMPLATE.format(model="Problem")},
                    },
                },
            }
        },
    },
    "RecoveryPage": listed("Recovery", next=NEXT),
    "CostPage": listed("CostClaim", next=NEXT),
    "InactiveBuyerPage": listed("InactiveBuyer", next=NEXT),
    "FoundPage": listed("Found", next=NEXT),
    "Recalculations": {
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["case_id"],
                    "properties": {
                        "case_id": TEXT,
                        "recalculated": {"$ref": TEMPLATE.format(model="Recalculated")},
                        "problem": {"$ref": TEMPLATE.format(model="Problem")},
                    },
                },
            }
        },
    },
    "Reckoned": {
        "type": "object",
        "required": ["answers"],
        "properties": {
            "answers": {
                "type": "array",
                "items": {"type": "object", "properties": {"error": TEXT}},
            }
        },
    },
    "Headlines": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": [*FIGURES],
            "properties": FIGURES,
        },
    },
    "Done": {
        "type": "object",
        "required": ["case_id", "receipt", "case"],
        "properties": {
            "case_id": {**TEXT, "description": "The case that took it."},
            "receipt": {"$ref": TEMPLATE.format(model="Receipt")},
            "case": {"$ref": TEMPLATE.format(model="Case")},
        },
    },
}
"""What has no model of its own."""
