"""Examples of what is answered, for the OpenAPI document; a test holds each to its schema."""

from typing import Any

Json = dict[str, Any]

ID = "dispute:PL:PL-1001:1"
AT = "2026-11-30T16:58:24Z"
DUE = "2026-12-07T23:00:00Z"
STAKE: Json = {"amount_minor": 25999, "currency": "PLN"}
UNITS = [{"sku": "LAMP", "quantity": 1}]

CLOCK: Json = {
    "window": "buyer_reply",
    "awaited": "buyer",
    "started_at": AT,
    "due": DUE,
    "safe": DUE,
    "length": 7,
    "counting": "calendar-days",
    "source": "soft: the usual week, with a reminder after 3 days",
    "held": [],
    "held_since": None,
    "explanation": [
        "7 calendar days, PL (Europe/Warsaw).",
        "Starts Mon 30 Nov 2026 17:58:24.",
        "Due: until the end of Mon 7 Dec 2026.",
    ],
    "on_silence": "close-reopenable",
}

CASE: Json = {
    "id": ID,
    "kind": "dispute",
    "country": "PL",
    "order_id": "PL-1001",
    "opened_at": "2026-11-30T16:58:23Z",
    "opened_by": {"party": "buyer", "id": "10000002", "name": "Ewa Zielona"},
    "stage": "awaiting-buyer",
    "ending": None,
    "refusal": None,
    "at_stake": STAKE,
    "awaited": "buyer",
    "due": DUE,
    "working": False,
    "clocks": [CLOCK],
    "policy_version": "2026.1+36ad7ab9",
    "calendar_version": "PL 2026.1+36ad7ab9, holidays 0.109",
    "zone": "Europe/Warsaw",
    "breaches": [],
    "lines": [
        {
            "sku": "LAMP",
            "title": "Lamp",
            "quantity": 1,
            "unit_price_minor": 25999,
            "discount_minor": 0,
            "offer_id": None,
            "article": None,
            "line_id": None,
        }
    ],
    "units": UNITS,
    "right_until": None,
    "beside": [],
    "buyer_id": "10000002",
    "refund": None,
    "refund_amount": None,
    "refund_reduces": False,
    "returns": [],
    "wanted": "full-refund",
    "claimed": STAKE,
    "happened_at": None,
    "preceding": None,
    "offers": [
        {
            "id": "o-1",
            "at": AT,
            "by": "seller",
            "remedy": "repair",
            "amount": None,
            "expires_at": None,
            "state": "open",
        }
    ],
    "decision": None,
    "reason": "defect",
    "actions": [
        {
            "verb": "accept",
            "method": "POST",
            "href": f"/v1/cases/{ID}/commands",
            "schema": "/v1/openapi.json#/components/schemas/AcceptCommand",
            "needs_if_match": False,
        }
    ],
}

RECEIPT: Json = {
    "command_id": "6f9a2c1e-8a4b-4a0e-9d77-0b1d0e6f2a11",
    "outcome": "accepted",
    "stage": "awaiting-buyer",
    "awaited": "buyer",
    "due": DUE,
    "working": False,
}

LISTED: Json = {
    "case_id": ID,
    "open": True,
    "kind": "dispute",
    "country": "PL",
    "order_id": "PL-1001",
    "stage": "awaiting-buyer",
    "awaited": "buyer",
    "due": DUE,
    "safe": DUE,
    "on_silence": "close-reopenable",
    "breached": False,
    "amount_minor": 25999,
    "currency": "PLN",
    "opened_at": AT,
    "closed_at": None,
    "ending": None,
    "refusal": None,
    "changed": 4711,
    "buyer": "10000002",
}

OUTLOOK: Json = {
    "case_id": ID,
    "kind": "dispute",
    "country": "PL",
    "order_id": "PL-1001",
    "at": AT,
    "zone": "Europe/Warsaw",
    "policy_version": "2026.1+36ad7ab9",
    "calendar_version": "PL 2026.1+36ad7ab9, holidays 0.109",
    "stages": [],
    "silent": {"stage": "closed", "since": DUE, "ways": [], "then": [], "stops": "closed"},
}

PREVIEW: Json = {
    "refund_minor": 25999,
    "parts": [{"what": "goods", "amount_minor": 25999, "why": "1 × LAMP at 259.99."}],
}

DONE: Json = {"case_id": ID, "receipt": RECEIPT, "case": CASE}

EVENT: Json = {
    "id": f"{ID}#2",
    "type": "case.party-awaited",
    "timestamp": AT,
    "number": 4711,
    "sequence": 2,
    "case_id": ID,
    "kind": "dispute",
    "country": "PL",
    "order_id": "PL-1001",
    "data": {
        "party": "buyer",
        "window": "buyer_reply",
        "due": DUE,
        "safe": DUE,
        "on_silence": "close-reopenable",
        "held": False,
    },
}

ENDPOINT: Json = {
    "id": "we_3f1c9a0d7e5b4c2f8a6d1e0b",
    "url": "https://platform.example/recourse",
    "types": ["case.party-awaited"],
    "added_at": AT,
    "failing_since": None,
    "paused_at": None,
    "paused_why": None,
}
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELIVERY: Json = {
    "id": "we_3f1c9a0d7e5b4c2f8a6d1e0b.4711",
    "event": EVENT,
    "state": "waiting",
    "tried": 3,
    "due": AT,
    "tried_at": AT,
    "status": 500,
    "why": None,
}

EXAMPLES: dict[str, Any] = {
    "Case": CASE,
    "Done": DONE,
    "DoneOrTried": DONE,
    "Taken": {"case_id": ID, "verb": "offer", "receipt": RECEIPT},
    "CasePage": {
        "items": [LISTED],
        "next": "W2ZhbHNlLDE3OTY2ODQ0MDAsImQiXQ",
        "changed_since": None,
    },
    "Timeline": {
        "items": [
            {"at": AT, "what": "opened", "by": "buyer", "detail": ""},
            {"at": AT, "what": "stage awaiting-seller", "by": None, "detail": ""},
        ]
    },
    "Messages": {
        "items": [
            {
                "id": "#opening",
                "at": AT,
                "by": {"party": "buyer", "id": "10000002", "name": "Ewa Zielona"},
                "text": "The lamp does not light.",
                "attachments": [],
                "nature": "answer",
            }
        ]
    },
    "Letters": {
        "items": [
            {
                "id": "<dispute.PL.PL-1001.1.opened@recourse.example>",
                "to": "buyer",
                "name": "dispute_opened",
                "locale": "en",
                "subject": "your dispute is open (PL-1001)",
                "text": "The seller has until Wed 2 Dec to answer.",
                "html": "<p>The seller has until Wed 2 Dec to answer.</p>",
                "created_at": AT,
                "sent_at": AT,
            }
        ]
    },
    "Deadlines": {"items": [CLOCK], "over": []},
    "PreviewOfCase": {
        "preview": PREVIEW,
        "currency": "PLN",
        "refund": {"state": "confirmed"},
        "refund_amount": STAKE,
    },
    "Outlook": OUTLOOK,
    "OrderAhead": {
        "items": [
            {
                "kind": "withdrawal",
                "refusal": None,
                "right_until": DUE,
                "at_stake": STAKE,
                "refund": PREVIEW,
                "refunded_before": [],
                "open_cases": [ID],
                "outlook": OUTLOOK | {"kind": "withdrawal"},
            }
        ]
    },
    "EventPage": {"items": [EVENT], "next": 4711},
    "Endpoint": ENDPOINT,
    "EndpointAdded": {"endpoint": ENDPOINT, "secret": SECRET},
    "Endpoints": {"items": [ENDPOINT]},
    "SecretReplaced": {"secret": SECRET, "before_until": DUE},
    "WebhookDelivery": DELIVERY,
    "WebhookDeliveryPage": {"items": [DELIVERY], "next": None},
    "TaskPage": {
        "items": [
            {
                "id": f"{ID}:task:1",
                "case_id": ID,
                "queue": "disputes-pl",
                "purpose": "decide",
                "priority": 5,
                "owner": None,
                "state": "open",
                "opened_at": AT,
                "due": DUE,
            }
        ],
        "next": None,
    },
    "DeedPage": {
        "items": [
            {
                "number": 17,
                "at": AT,
                "role": "seller",
                "person": "50000002",
                "token": "a1f0c2",
                "method": "POST",
                "route": "/v1/cases/{case_id}/commands",
                "case_id": ID,
                "command_id": RECEIPT["command_id"],
                "status": 200,
                "code": None,
                "request": "3f1c9a0d7e5b4c2f8a6d1e0b9c8d7f6a",
            }
        ],
        "next": None,
    },
    "Told": {
        "results": [{"event_id": "inpost-90311", "told": ["return:PL:withdrawal-PL-2001-1:1"]}]
    },
    "RecoveryPage": {
        "items": [
            {
                "key": "carrier-claim:PL:PL-1001:PX-1:recovery:1",
                "case_id": "carrier-claim:PL:PL-1001:PX-1",
                "order_id": "PL-1001",
                "seller_id": "50000002",
                "amount": STAKE,
                "at": AT,
            }
        ],
        "next": None,
    },
    "CostPage": {
        "items": [
            {
                "key": "uncollected-parcel:PL:PL-1001:PX1:storage:1",
                "case_id": "uncollected-parcel:PL:PL-1001:PX1",
                "seller_id": "50000002",
                "order_id": "PL-1001",
                "cost": "storage",
                "amount": {"amount_minor": 1299, "currency": "PLN"},
                "evidence": [],
                "at": AT,
                "deducted_minor": 0,
            }
        ],
        "next": None,
    },
    "InactiveBuyerPage": {
        "items": [{"buyer_id": "10000002", "parcels": 2, "last_at": AT}],
        "next": None,
    },
    "FoundPage": {
        "items": [
            {
                "case_id": ID,
                "message": {
                    "id": "#opening",
                    "at": AT,
                    "by": {"party": "buyer"},
                    "text": "The lamp does not light.",
                    "attachments": [],
                    "nature": "answer",
                },
            }
        ],
        "next": "eyJiZWZvcmUiOjE3fQ",
    },
    "Recalculations": {
        "results": [
            {
                "case_id": ID,
                "recalculated": {
                    "policy_version": "2026.2+51be0c77",
                    "due_before": "2026-12-04T23:00:00Z",
                    "due_after": DUE,
                },
            }
        ]
    },
    "Reckoned": {
        "answers": [
            {"due": "2026-04-08T16:30:00+02:00", "explanation": ["24 working hours, SI."]},
            {"error": "The time of start must lie between the years 1 and 9999."},
        ]
    },
    "Headlines": {
        "all": {
            "closed": 40,
            "solved": 38,
            "solved_share": 0.95,
            "without_agent": 30,
            "without_agent_share": 0.75,
        }
    },
}
"""By the name of the schema."""
