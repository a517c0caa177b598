"""Which models a key may call: what its providers list, or the catalogue has, cut by its allowlist; pure."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from zai_gateway.accounts.caller import Caller, WorkspaceView
from zai_gateway.accounts.records import ProviderKey, Target, VirtualModel
from zai_gateway.catalogue.catalogue import Catalogue
from zai_gateway.catalogue.listings import NO_LISTINGS, ListedModel, Listings
from zai_gateway.catalogue.model import Kind, Model

_NO_CHAT = (
    *("*embed*", "*rerank*", "*moderation*", "*whisper*", "tts-*", "*-tts", "*-tts-*", "*-transcribe*"),
    *("dall-e-*", "gpt-image-*", "chatgpt-image-*", "sora-*", "*-realtime*", "babbage-*", "davinci-*"),
    # Google's list names the methods of a model, not in what it answers.
    *("gemini-*-image*", "nano-banana-*", "gemini-omni-*", "lyria-*", "*-robotics-*", "*-computer-use-*"),
    *("gemini-*-live*", "antigravity-*", "deep-research-*"),
)
"""How ids look that, where nobody says more, name what answers no chat."""


class Offer(Struct, frozen=True, kw_only=True):
    """A model that a provider of the workspace serves, and what is known of it."""

    model: Model
    """With the catalogue's facts, where it has any."""
    ids: tuple[str, ...]
    """The provider's ids by which it may be called, without the prefix."""
    listed: ListedModel | None = None
    """What the provider itself says of it."""

    @property
    def created(self) -> int:
        """Seconds since 1970; 0 where unknown."""
        return self.model.released or (self.listed.created if self.listed else 0)

    @property
    def context_window(self) -> int | None:
        """Tokens; None where unknown, here and below."""
        return self.model.context_window or (self.listed.context_window if self.listed else None)

    @property
    def max_output(self) -> int | None:
        """Tokens."""
        return self.model.max_output or (self.listed.max_output if self.listed else None)

    @property
    def inputs(self) -> tuple[str, ...] | None:
        """The modalities that it takes."""
        return self.model.inputs or (self.listed.inputs if self.listed else ()) or None

    @property
    def outputs(self) -> tuple[str, ...] | None:
        """The modalities that it answers in."""
        return self.model.outputs or (self.listed.outputs if self.listed else ()) or None


def offers(caller: Caller, catalogue: Catalogue, listings: Listings) -> Iterator[Offer]:
    """Every chat model of the workspace's providers, by provider; what the key may not call is among them.

    Of a provider with a list of its own, what it lists with any of the workspace's keys; else the
    catalogue's.
    """
    yield from offers_of(caller.view, catalogue, listings)


def offers_of(
    view: WorkspaceView, catalogue: Catalogue, listings: Listings, kind: Kind = Kind.CHAT
) -> Iterator[Offer]:
    """The same of a workspace, whoever asks, and of models of this kind."""
    keys = view.provider_keys
    for provider in sorted({key.provider for key in keys}):
        own = [key for key in keys if key.provider == provider]
        yield from _offered(own, catalogue, listings, kind)


def allowed(caller: Caller, offered: Iterable[Offer]) -> list[Offer]:
    """Those that the key's allowlist allows."""
    return [offer for offer in offered if caller.may_call(offer.model.name)]


def callable_models(
    caller: Caller, catalogue: Catalogue, listings: Listings = NO_LISTINGS
) -> tuple[Model, ...]:
    """Every model of the workspace's providers that the key's allowlist allows, sorted by name."""
    return tuple(offer.model for offer in allowed(caller, offers(caller, catalogue, listings)))


def callable_virtual_models(caller: Caller, catalogue: Catalogue) -> list[VirtualModel]:
    """The workspace's own names with a target, at least, that the key may call."""
    prefixes = {key.provider for key in caller.view.provider_keys}

    def may_call(target: Target) -> bool:
        prefix, _, id = target.model.partition("/")
        return prefix in prefixes and caller.may_call(catalogue.model(prefix, id).name)

    every = caller.view.virtual_models.values()
    return [each for each in every if any(map(may_call, each.targets))]


def _offered(
    keys: Sequence[ProviderKey], catalogue: Catalogue, listings: Listings, kind: Kind
) -> Iterator[Offer]:
    """Those of one provider, sorted by id."""
    provider = keys[0].provider
    lists = [listings[key.id] for key in keys if key.id in listings]
    if not lists:
        for model in catalogue.models(provider):
            if _answers(model, kind):
                yield Offer(model=model, ids=(model.id, *model.aliases))
        return
    every = {id: listed for each in lists for id, listed in each.items()}
    found: dict[str, Offer] = {}
    for id, listed in sorted(every.items()):
        model, known = catalogue.model(provider, id), catalogue.knows(provider, id)
        if _may_embed(model, listed) if kind is Kind.EMBEDDING else _may_chat(model, listed, known=known):
            before = found.get(model.id)
            ids = before.ids if before else (model.id, *model.aliases)
            said = before.listed if before and id != model.id else listed
            found[model.id] = Offer(model=model, ids=tuple(dict.fromkeys((*ids, id))), listed=said)
    for id in sorted(found):
        yield found[id]


def _answers(model: Model, kind: Kind) -> bool:
    return model.kind is kind and (kind is not Kind.CHAT or not model.outputs or "text" in model.outputs)


def _may_chat(model: Model, listed: ListedModel, *, known: bool) -> bool:
    """Whether a model may answer chat requests; `known` to the catalogue are those that do."""
    if not _answers(model, Kind.CHAT):
        return False
    if listed.chat is not None:
        return listed.chat
    return known or not any(fnmatchcase(listed.id.lower(), pattern) for pattern in _NO_CHAT)


def _may_embed(model: Model, listed: ListedModel) -> bool:
    return model.kind is Kind.EMBEDDING or listed.embeds
