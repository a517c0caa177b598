"""The meter of one attempt: what it saw, and what that means for the ledger."""

from zai_gateway.catalogue.bound import Bound
from zai_gateway.catalogue.cost import OWN_PRICE, cost
from zai_gateway.clock import Clock
from zai_gateway.errors import Code
from zai_gateway.relay.routing import Route
from zai_gateway.spend.ledger import Certainty, Flag, Outcome
from zai_gateway.spend.store import Granted
from zai_gateway.wire.chat import ChatRequest
from zai_gateway.wire.events import Reported
from zai_gateway.wire.usage import Usage, estimated_tokens

UNCERTAIN_STATUSES = (408, 504, 524)
"""An upstream that says so may have worked, and billed, all the same (spend.md, "Order, per attempt")."""


class Meter:
    """Watches an attempt, and says at any moment what came of it."""

    # What most attempts never change stands on the class: it costs nothing to make.
    sent = False
    """Whether money may have been spent, or a failure to send is to be told: what is left is released."""
    unbilled = False
    """The upstream definitely billed nothing: no connection, or a refusal that it said whole."""
    status = 0
    provider_request_id: str | None = None
    reported: Reported | None = None
    complete = False
    content_bytes = 0
    failure: Code | None = None
    overrun = 0
    """Nano-USD that it cost beyond its worst case, once that is known."""
    _first_content: float | None = None
    _cost_of: Reported | None = None
    _cost: int | None = None

    def __init__(self, chosen: Route, bound: Bound | None, request: ChatRequest, clock: Clock) -> None:
        self._chosen = chosen
        self._bound = bound
        self._request = request
        self._clock = clock
        self._began = clock.monotonic()

    def sending(self) -> None:
        """The first byte of the request is about to leave."""
        self.sent = True

    def broke_off(self, *, definite: bool) -> None:
        """The request failed; where that is definite, nothing was sent, and the ledger says so at no cost."""
        self.sent, self.unbilled = True, definite

    def saw_content(self, content_bytes: int) -> None:
        """Counts bytes of content, and keeps when the first came."""
        if self._first_content is None:
            self._first_content = self._clock.monotonic()
        self.content_bytes += content_bytes

    def refused(self, status: int) -> None:
        """The upstream answered with an error status, told whole, without content or usage."""
        self.unbilled = status >= 300 and status not in UNCERTAIN_STATUSES

    def cost(self) -> int | None:
        """Nano-USD that the provider's own report comes to; None where it reported nothing."""
        reported = self.reported
        if reported is not self._cost_of:
            self._cost_of, self._cost = reported, None if reported is None else self._cost_by(reported)
        return self._cost

    def tokens(self) -> int:
        """Every token that went in and came out, reported or estimated; 0 where nothing was billed."""
        if not self.sent or self.unbilled:
            return 0
        usage = self._guess() if self.reported is None else self.reported.usage
        return usage.prompt + usage.output

    def outcome(self, granted: Granted) -> Outcome | None:
        """What came of the attempt; None where it was never sent."""
        if not self.sent:
            return None
        if self.unbilled:
            return self._outcome(0, 0, Certainty.EXACT, ())
        bounded = self._is_bounded_by(granted)
        known = self.cost()
        if known is not None and (self.complete or (self.reported is not None and self.reported.final)):
            self.overrun = max(known - granted.amount, 0) if bounded else 0
            flags = (Flag.OVERRUN,) if self.overrun else ()
            return self._outcome(known, 0, Certainty.EXACT, flags)
        # What was counted so far says nothing of what the provider went on to make.
        guess = max(self._estimate(), known or 0)
        if bounded:
            guess = min(guess, granted.amount)
        return self._outcome(guess, max(granted.amount - guess, 0), Certainty.ESTIMATED, ())

    def _cost_by(self, reported: Reported) -> int:
        price = self._chosen.price
        is_own = price is not None and price.source == OWN_PRICE
        if reported.stated_cost is not None and self._chosen.provider.bills_by_statement and not is_own:
            return reported.stated_cost
        return self._priced(reported.usage, reported.service_tier)

    def _outcome(self, cost: int, risk: int, certainty: Certainty, flags: tuple[Flag, ...]) -> Outcome:
        if not self.complete and not self.unbilled:
            flags = (*flags, Flag.INTERRUPTED)
        if self._chosen.price is None and not cost:
            flags = (*flags, Flag.UNPRICED)
        return Outcome(
            cost=cost,
            risk=risk,
            certainty=certainty,
            flags=flags,
            usage=self.reported.usage if self.reported else None,
            status=self.status,
            failure=self.failure,
            first_token_ms=self._since(self._first_content),
            total_ms=round((self._clock.monotonic() - self._began) * 1_000),
            provider_request_id=self.provider_request_id,
        )

    def _is_bounded_by(self, granted: Granted) -> bool:
        """Whether the hold is a worst case: without any limit on the output it is only a part of one."""
        bound = self._bound
        return bound is not None and not (bound.asked is bound.most is granted.output_limit is None)

    def _estimate(self) -> int:
        return self._priced(self._guess(), None)

    def _guess(self) -> Usage:
        request = self._request
        images = request.inline_images * (self._chosen.model.image_tokens or 0)
        text = len(request.body) - request.inline_image_bytes
        return Usage(input=estimated_tokens(text) + images, output=estimated_tokens(self.content_bytes))

    def _priced(self, usage: Usage, service_tier: str | None) -> int:
        price = self._chosen.price
        if price is None:
            return 0
        images = self._request.inline_images + self._request.foreign_media
        priced = cost(usage, price, service_tier, images)
        asked_for = self._request.service_tier
        if service_tier or asked_for is None:
            return priced
        # A provider that does not say which tier it served may have served the one that was asked for.
        return max(priced, cost(usage, price, asked_for, images))

    def _since(self, moment: float | None) -> int | None:
        return None if moment is None else round((moment - self._began) * 1_000)
