"""Stop sequences found here, for models that refuse the parameter."""


class StopWatch:
    """Looks for stop sequences in text that comes in pieces, and holds back what may be the start of one.

    The text ends before the sequence that is complete first; of two that end together, the longer. Each
    sequence is followed by its failure function (Knuth, Morris and Pratt, 1977), so that a character is
    looked at once however the text is cut.
    """

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = sorted(sequences, key=len, reverse=True)
        self._borders = [_borders(sequence) for sequence in self._sequences]
        self._matched = [0] * len(sequences)
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """The text that is safe to show, and whether a stop sequence ended it; then nothing may follow."""
        unsent = self._held + text
        for end in range(len(self._held), len(unsent)):
            for which, sequence in enumerate(self._sequences):
                matched = self._matched[which] = self._advanced(which, unsent[end])
                if matched == len(sequence):
                    self._held = ""
                    return unsent[: end + 1 - matched], True
        safe = len(unsent) - max(self._matched, default=0)
        self._held = unsent[safe:]
        return unsent[:safe], False

    def rest(self) -> str:
        """The text that was held back and has turned out to be no stop sequence."""
        held, self._held = self._held, ""
        self._matched = [0] * len(self._matched)
        return held

    def _advanced(self, which: int, character: str) -> int:
        sequence, borders = self._sequences[which], self._borders[which]
        matched = self._matched[which]
        while matched and sequence[matched] != character:
            matched = borders[matched - 1]
        return matched + 1 if sequence[matched] == character else 0


def _borders(sequence: str) -> list[int]:
    """For each prefix, the length of the longest proper prefix of it that is its suffix too."""
    borders = [0] * len(sequence)
    length = 0
    for index in range(1, len(sequence)):
        while length and sequence[index] != sequence[length]:
            length = borders[length - 1]
        if sequence[index] == sequence[length]:
            length += 1
        borders[index] = length
    return borders
