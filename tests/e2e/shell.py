"""Commands that the documentation or the gateway itself shows, run as a reader would paste them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_STAND_IN = f"""#!{sys.executable}
import sys, urllib.request
headers, data, url, rest = {{}}, None, None, iter(sys.argv[1:])
for word in rest:
    if word == "-H":
        name, _, value = next(rest).partition(": ")
        headers[name] = value
    elif word == "-d":
        data = next(rest).encode()
    else:
        url = word
with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
    sys.stdout.buffer.write(answer.read())
"""


def pasted(command: str, folder: Path, **variables: str) -> str:
    """What `command` prints in a shell. It must succeed.

    A machine that has Python and no curl runs these tests too: then a stand-in for curl is made in `folder`.
    """
    path = os.defpath
    if shutil.which("curl", path=path) is None:
        stand_in = folder / "curl"
        stand_in.write_text(_STAND_IN)
        stand_in.chmod(0o700)
        path = f"{folder}{os.pathsep}{path}"
    ran = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": path, "HOME": str(folder), **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
