"""Refusals, also at the end of a stream: who waits long is sent the head of the answer meanwhile."""

_STATUSES = {
    "spend_cap_reached": 402,
    "budget_busy": 429,
    "store_unavailable": 503,
    "shutting_down": 503,
}


def status_told(status: int, code: str | None) -> int:
    """The status of a refusal, in whichever way it was told; of everything else the answer's own."""
    return _STATUSES.get(code, status) if code is not None and status == 200 else status
