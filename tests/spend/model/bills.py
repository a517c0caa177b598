"""What the providers of the model billed, and still may, by window and in nano-USD."""

from collections import Counter

from tests.spend.model.requests import Answer, Request


class Bills:
    """The sums, which no process and no store knows of."""

    def __init__(self) -> None:
        self.billed = Counter[str]()
        self.beyond = Counter[str]()
        """What of that was beyond the bounds."""
        self.exposed = Counter[str]()
        """What was billed within the bounds, and what still may be."""
        self.written_off = Counter[str]()
        """What was listed as written off: for so much more nobody answers."""

    def sent(self, request: Request) -> None:
        """Its provider may bill all that is held for the request."""
        self.exposed.update(dict.fromkeys(request.windows, request.amount))

    def ended(self, request: Request, answer: Answer, part: int) -> None:
        """Its provider is done with it, and bills."""
        request.answered(answer, part)
        request.billed = request.due()
        self.billed.update(dict.fromkeys(request.windows, request.billed))
        self.beyond.update(dict.fromkeys(request.windows, request.billed - request.in_bounds))

    def closed(self, request: Request) -> None:
        """Nothing is held for it any more."""
        self.exposed.subtract(dict.fromkeys(request.windows, request.amount - request.in_bounds))
