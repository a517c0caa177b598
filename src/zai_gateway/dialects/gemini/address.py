"""Where Gemini's models are: paths behind a base URL, at the Gemini API and on Vertex AI."""

from urllib.parse import quote

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
VERTEX_BASE_URL = "https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION"
"""As a provider key names it; a region has a host of its own: `https://REGION-aiplatform.googleapis.com`."""


def path(model: str, *, stream: bool, vertex: bool = False) -> str:
    """Behind the base URL: the method that answers a request, at once or as server-sent events.

    https://ai.google.dev/api/generate-content and, for Vertex AI, the REST reference of
    `projects.locations.publishers.models`.
    """
    return f"{_model(model, vertex)}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"


def embedding_path(model: str, *, vertex: bool = False) -> str:
    """Behind the base URL: the method that embeds several texts at once."""
    return f"{_model(model, vertex)}:{'predict' if vertex else 'batchEmbedContents'}"


def _model(model: str, vertex: bool) -> str:
    """A model's place. What could lead elsewhere (`..`, `?`, `#`, `:`) is escaped."""
    known = next((folder for folder in _FOLDERS if model.startswith(folder)), None)
    name = quote(model.removeprefix(known or ""), safe="")
    if name in ("", ".", ".."):
        name = quote(name or ".", safe="").replace(".", "%2E")
    if not vertex:
        return f"/{known or 'models/'}{name}"
    return f"/publishers/google/models/{name}" if known is None else f"/{known}{name}"


_FOLDERS = ("models/", "tunedModels/", "endpoints/")
"""What a model's id may begin with where it is none of Google's own."""
