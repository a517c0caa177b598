"""Whom connections to providers trust: the machine's authorities and the operator's own."""

import ssl
from pathlib import Path

from zai_gateway.errors import OperatorError


def client_context(more: Path | None = None) -> ssl.SSLContext:
    """What verifies servers: certificate and host always, TLS 1.2 or later, and HTTP/1.1 within.

    `more`: a PEM file of authorities that are trusted beside the machine's, which OpenSSL finds (by
    SSL_CERT_FILE and SSL_CERT_DIR where they are set). Raises OperatorError where it cannot be read, or holds
    no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if more is not None:
        try:
            context.load_verify_locations(cafile=more)
        except ssl.SSLError:  # an OSError too, which says less
            raise OperatorError(
                f"ZAI_EXTRA_CA_FILE names {more}, which holds no certificate in PEM."
            ) from None
        except OSError as trouble:
            why = trouble.strerror or "it is not there"
            raise OperatorError(f"ZAI_EXTRA_CA_FILE names {more}, which cannot be read: {why}.") from None
    return context
