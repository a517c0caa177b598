"""The control: nginx as a plain reverse proxy before the same upstream, and as TLS in front of the mock."""

from pathlib import Path

from bench.contender import Prepared, Target, Upstream
from bench.processes import Launch, free_port

_HEAD = """\
worker_processes 1;
worker_rlimit_nofile 65536;
daemon off;
pid nginx.pid;
error_log nginx.err;
events {{ worker_connections 32768; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_max_body_size 64m;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port}{tls};
    keepalive_requests 100000000;
{verification}
    location / {{
      proxy_pass {scheme}://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"""
_VERIFIED = """\
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {certificate};
    proxy_ssl_name localhost;
    proxy_ssl_server_name on;
    proxy_ssl_session_reuse on;"""
_SHOWN = """\
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};"""


class Nginx:
    """A plain proxy: it looks into nothing, keeps nothing and asks nobody for a key."""

    name = "nginx"

    def __init__(self, program: Path) -> None:
        self._program = program

    def prepared(self, upstream: Upstream, folder: Path) -> Prepared:
        """A proxy to `upstream`, whose certificate it verifies where there is one."""
        port = free_port()
        to = {"port": port, "upstream": upstream.port, "tls": ""}
        if upstream.certificate is None:
            text = _HEAD.format(**to, scheme="http", verification="")
        else:
            verification = _VERIFIED.format(certificate=upstream.certificate)
            text = _HEAD.format(**to, scheme="https", verification=verification)
        return Prepared(self._launch(text, port, folder), Target(port=port))

    def terminator(self, upstream: Upstream, folder: Path, certificate: Path, key: Path) -> Launch:
        """TLS in front of `upstream`, which has none."""
        port = free_port()
        shown = _SHOWN.format(certificate=certificate, key=key)
        text = _HEAD.format(port=port, upstream=upstream.port, tls=" ssl", scheme="http", verification=shown)
        return self._launch(text, port, folder)

    def _launch(self, text: str, port: int, folder: Path) -> Launch:
        configuration = folder / "nginx.conf"
        configuration.write_text(text, encoding="ascii")
        command = (str(self._program), "-p", str(folder), "-c", str(configuration))
        return Launch(command=command, port=port, folder=folder)
