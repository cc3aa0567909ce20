"""Weighing histories: billed actions, events and bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

LOCAL_ACTIVITY = "core_local_activity"
"""The marker by which the SDK keeps a local activity's result."""

RECORD_STEP = "record_step"
"""The activity that keeps the record of a step."""

BILLED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: 1,
    EventType.EVENT_TYPE_TIMER_STARTED: 1,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 1,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: 1,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: 1,
    # The child's own start is in the child's history; initiating it is billed on top.
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: 1,
}
"""What each event costs in actions, as Temporal Cloud bills them. Queries, heartbeats and rejected
updates are billed too, but leave no event."""


@dataclass(frozen=True)
class Weight:
    """What one life left behind. `history_bytes` is the events' size as the server stores them,
    of which `record_bytes` order its `records` of steps.
    """

    actions: int
    events: int
    history_bytes: int
    records: int = 0
    record_bytes: int = 0


def weigh(histories: Sequence[Sequence[HistoryEvent]]) -> Weight:
    """The weight of a life's whole histories, a case's and its child's together.

    Continuing as new starts another, which counts by itself.
    """
    ordered = [event for events in histories for event in records(events)]
    return Weight(
        actions=sum(map(actions, histories)),
        events=sum(map(len, histories)),
        history_bytes=sum(event.ByteSize() for events in histories for event in events),
        records=len(ordered),
        record_bytes=sum(event.ByteSize() for event in ordered),
    )


def actions(events: Sequence[HistoryEvent]) -> int:
    """The billed actions of a history; all local activities of one workflow task are one."""
    billed = sum(BILLED.get(event.event_type, 0) for event in events)
    retries = sum(
        event.activity_task_started_event_attributes.attempt - 1
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    )
    with_local_activities = {
        event.marker_recorded_event_attributes.workflow_task_completed_event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
        and event.marker_recorded_event_attributes.marker_name == LOCAL_ACTIVITY
    }
    return billed + retries + len(with_local_activities)


def records(events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """The events that order a step to be recorded."""
    return [
        event
        for event in events
        if event.activity_task_scheduled_event_attributes.activity_type.name == RECORD_STEP
    ]
