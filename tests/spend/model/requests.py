"""Requests as the model's providers see them: what each may cost, what it was billed, and who knows of it."""

from enum import Enum

from msgspec import Struct

from zai_gateway.catalogue.bound import Bound
from zai_gateway.spend import clamp
from zai_gateway.spend.budgets import Budget, Period
from zai_gateway.spend.ledger import Attempt, Certainty, Flag, Outcome
from zai_gateway.spend.store import Granted

KEY = Budget(id="key", owner="key_1", limit=1_000)
OTHER_KEY = Budget(id="other_key", owner="key_2", limit=None, period=Period.MONTHLY)
MEMBER = Budget(id="member", owner="member_1", owner_kind="member", limit=800, period=Period.DAILY)
WORKSPACE = Budget(id="workspace", owner="ws_1", owner_kind="workspace", limit=1_500)
BUDGETS = (KEY, OTHER_KEY, MEMBER, WORKSPACE)
OWNERS = ((KEY, MEMBER, WORKSPACE), (OTHER_KEY, WORKSPACE), (KEY, OTHER_KEY, WORKSPACE), (MEMBER,))
"""The budgets of the requests that there are."""


class Stage(Enum):
    """How far a request came."""

    WAITING = "nothing is held yet"
    SENT = "its provider has it"
    WRITTEN = "its settlement is in the journal"
    RELEASED = "it was never sent, or it left or died before that"
    REFUSED = "it got no money"
    ORPHANED = "its process died, and its provider billed it"


class Answer(Enum):
    """What became of a request that was sent."""

    EXACT = "the provider reports what it bills"
    UNKNOWN = "it billed something, and nobody reported it"
    ESTIMATED = "the same, and a part is known to be spent"
    FAILED = "a definite failure, which costs nothing"
    UNSENT = "no byte was written"
    OVERRUN = "the provider bills more than its documented bound"


class Request:
    """One attempt, which is its own account."""

    def __init__(self, attempt: Attempt, budgets: tuple[Budget, ...], ask: "Ask", since: float) -> None:
        self.attempt = attempt
        self.budgets = budgets
        self.bound = ask.bound
        self.least = clamp.least(ask.bound)
        self.since = since
        self.stage = Stage.WAITING
        self.worker = ""
        self.windows: tuple[str, ...] = ()
        self.amount = 0
        self.billed = 0
        self.settled: Outcome | None = None
        self.is_answered = False
        self._answer = Answer.UNKNOWN
        self._part = 0

    @property
    def name(self) -> str:
        return self.attempt.request

    @property
    def in_bounds(self) -> int:
        """What was billed without what was billed beyond the bound, in nano-USD."""
        return min(self.billed, self.amount)

    def answered(self, answer: Answer, part: int) -> None:
        """The provider has answered; `part` of ten was needed."""
        self._answer, self._part, self.is_answered = answer, part, True

    def due(self) -> int:
        """What the provider bills for that, in nano-USD."""
        if self._answer in {Answer.FAILED, Answer.UNSENT}:
            return 0
        if self._answer is Answer.OVERRUN:
            return self.amount + 1 + 3 * self._part
        return self.amount * self._part // 10

    def outcome(self, granted: Granted) -> Outcome | None:
        """What the gateway learns of it (`spend.holding.Account`)."""
        known = self.due()
        if self._answer is Answer.UNSENT:
            return None
        if self._answer is Answer.OVERRUN:
            return _outcome(known, flags=(Flag.OVERRUN,))
        if self._answer in {Answer.EXACT, Answer.FAILED}:
            return _outcome(known)
        if self._answer is Answer.ESTIMATED:
            cost = granted.amount // 4
            return _outcome(cost, granted.amount - cost)
        return _outcome(0, granted.amount, granted.amount // 4)


def _outcome(cost: int, risk: int = 0, estimate: int = 0, flags: tuple[Flag, ...] = ()) -> Outcome:
    certainty = Certainty.UNCONFIRMED if risk else Certainty.EXACT
    return Outcome(
        cost=cost,
        risk=risk,
        estimate=estimate,
        certainty=certainty,
        flags=flags,
        status=200,
        total_ms=1,
    )


class Kind(Enum):
    """How a request says what it can cost."""

    FIXED = "it fits as it is, or not at all"
    CLAMPED = "its limit can be lowered to a third"
    OPEN = "it has no limit of its own"


class Ask(Struct, frozen=True):
    """What a request asks for."""

    amount: int
    kind: Kind = Kind.FIXED

    @property
    def bound(self) -> Bound:
        """Its worst case, in which each token of the output costs one nano-USD."""
        floor = self.amount if self.kind is Kind.FIXED else max(1, self.amount // 3)
        asked, most = (None, self.amount) if self.kind is Kind.OPEN else (self.amount, None)
        return Bound(input_pico=0, output_pico=1_000, asked=asked, most=most, room=None, floor=floor)
