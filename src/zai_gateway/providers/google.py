"""Google: the Gemini API, and Vertex AI, which serves Claude too."""

from zai_gateway.providers.common import CLAUDES_OWN, GEMINIS_OWN, OPEN_ENDED, ROUTING
from zai_gateway.providers.provider import Auth, Dialect, Provider, Surface

GEMINI = Provider(
    name="gemini",
    title="Gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    auth=Auth.GOOGLE_API_KEY,
    dialect=Dialect.GEMINI,
    keys_url="https://aistudio.google.com/apikey",
    key_variable="GEMINI_API_KEY",
    models_path="/models?pageSize=1000",
    never_sent=ROUTING,
    unbounded=(*OPEN_ENDED, *GEMINIS_OWN),
    quirks=(
        "Tokens of thoughts stand beside those of the answer; the limit on output tokens bounds both.",
        "What it read from its cache is among the tokens of the prompt.",
        "Gemini 2.5 is told in tokens how much to think, later models in a word; these always do.",
        "Up to Gemini 2.5 it takes no JSON schema beside tools: there it is made to call one for its answer.",
        "An answer that ended because it could not write a call is an error here, and tried elsewhere.",
        "A thought's signature has to come back with the call that it belongs to.",
        "A key that it does not know is answered with a 400.",
    ),
)
VERTEX = Provider(
    name="vertex",
    title="Vertex AI",
    base_url="",
    address_hint="https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/global",
    surface=Surface.VERTEX,
    auth=Auth.SERVICE_ACCOUNT,
    dialect=Dialect.GEMINI,
    other_dialects={"claude-*": Dialect.ANTHROPIC_MESSAGES},
    keys_url="https://console.cloud.google.com/iam-admin/serviceaccounts",
    key_variable="VERTEX_SERVICE_ACCOUNT",
    address_variable="VERTEX_BASE_URL",
    # What it lists is what could be enabled, not what is.
    models_path=None,
    # The location itself, which may be read by whoever may use its models.
    key_path="",
    never_sent=(*ROUTING, *CLAUDES_OWN),
    unbounded=(*OPEN_ENDED, *GEMINIS_OWN, "mcp_servers", "container"),
    quirks=(
        "Its key is the JSON file of a service account, whole: give it with `--key-stdin < key.json`.",
        "A region has a host of its own: `https://REGION-aiplatform.googleapis.com/v1/projects/...`.",
        "Claude is called there as by Anthropic, in Gemini's place; other makers' models are not served.",
        "Prices are those of `global`; a region's are 10 % higher for Claude since 4.5: set one of your own.",
    ),
)
